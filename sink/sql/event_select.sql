-- The newest so many.
SELECT id, (extract(epoch FROM at) * 1000)::bigint AS at_ms, instance, kind, coalesce(topic, '') AS topic,
       coalesce(partition, -1) AS partition, coalesce(from_state, '') AS from_state, coalesce(to_state, '') AS to_state,
       coalesce(reason, '') AS reason
FROM :schema.event
WHERE pipeline = $1 AND ($2::bigint IS NULL OR at >= to_timestamp($2::bigint / 1000.0))
ORDER BY at DESC, id DESC LIMIT $3::bigint
