SELECT id, (extract(epoch FROM at) * 1000)::bigint AS at_ms, coalesce(who, '') AS who, coalesce(role, '') AS role,
       coalesce(fingerprint, '') AS fingerprint, coalesce(address, '') AS address, coalesce(command, '') AS command,
       coalesce(target, '') AS target, coalesce(detail::text, '') AS detail, coalesce(outcome, '') AS outcome
FROM :schema.audit
WHERE pipeline = $1 AND ($2::text IS NULL OR who = $2)
  AND ($3::bigint IS NULL OR at >= to_timestamp($3::bigint / 1000.0))
ORDER BY id DESC LIMIT $4::bigint
