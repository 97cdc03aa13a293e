-- By the console's filter; a parameter that is null filters nothing. In the order in which letters are applied again, or
-- ($12) by their numbers. The size of a stored value is known without reading it.
SELECT id, topic, partition, record_offset, generation, (extract(epoch FROM created_at) * 1000)::bigint AS created_ms,
       (extract(epoch FROM record_timestamp) * 1000)::bigint AS record_ms,
       (extract(epoch FROM resolved_at) * 1000)::bigint AS resolved_ms, stage, coalesce(table_name, '') AS table_name,
       coalesce(sqlstate, '') AS sqlstate, reason, coalesce(detail, '') AS detail, headers <> 'null' AS kept, coalesce(resolution, '') AS resolution, attempts,
       coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) + coalesce(pg_column_size(headers), 0) AS bytes,
       CASE WHEN $11::boolean THEN encode(key, 'hex') END AS key, CASE WHEN $11::boolean THEN encode(value, 'hex') END AS value,
       CASE WHEN $11::boolean THEN headers::text END AS headers
FROM :schema.dead_letter
WHERE pipeline = $1 AND ($2::bigint[] IS NULL OR id = ANY($2::bigint[])) AND ($3::text IS NULL OR topic = $3)
  AND ($4::text IS NULL OR table_name = $4) AND ($5::text IS NULL OR strpos(lower(reason), lower($5)) > 0)
  AND ($6::bigint IS NULL OR created_at >= to_timestamp($6::bigint / 1000.0))
  AND ($7::bigint IS NULL OR created_at < to_timestamp($7::bigint / 1000.0))
  AND ($8::boolean OR resolved_at IS NULL) AND (NOT $9::boolean OR attempts > 1) AND id > $13::bigint
ORDER BY CASE $12::text WHEN 'newest' THEN -id WHEN 'oldest' THEN id END, topic, partition, record_offset, generation
LIMIT $10::bigint
