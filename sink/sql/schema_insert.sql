INSERT INTO :schema.schema AS kept (registry, id, kind, body) VALUES ($1, $2, $3, $4)
ON CONFLICT (registry, id) DO UPDATE SET kind = excluded.kind, body = excluded.body
WHERE (kept.kind, kept.body) IS DISTINCT FROM (excluded.kind, excluded.body)
