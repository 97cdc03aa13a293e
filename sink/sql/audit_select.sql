SELECT id, (extract(epoch FROM at) * 1000)::bigint, coalesce(who, ''), coalesce(role, ''), coalesce(fingerprint, ''),
       coalesce(address, ''), coalesce(command, ''), coalesce(target, ''), coalesce(detail::text, ''), coalesce(outcome, '')
FROM :schema.audit
WHERE pipeline = $1 AND ($2::text IS NULL OR who = $2)
  AND ($3::bigint IS NULL OR at >= to_timestamp($3::bigint / 1000.0))
ORDER BY id DESC LIMIT $4::bigint
