-- The newest note.
SELECT (extract(epoch FROM at) * 1000)::bigint AS at_ms, coalesce(who, '') AS who, coalesce(target, '') AS text
FROM :schema.audit WHERE pipeline = $1 AND command = 'note' AND outcome = 'done' ORDER BY id DESC LIMIT 1
