-- By the console's filter; a parameter that is null filters nothing. In the order in which letters are applied again, or
-- ($13) by their numbers; of the former those behind the place $14 to $17. The size of a stored value is known without reading it.
SELECT id, topic, partition, record_offset, generation, (extract(epoch FROM created_at) * 1000)::bigint AS created_ms,
       (extract(epoch FROM record_timestamp) * 1000)::bigint AS record_ms,
       (extract(epoch FROM resolved_at) * 1000)::bigint AS resolved_ms, stage, coalesce(table_name, '') AS table_name,
       coalesce(sqlstate, '') AS sqlstate, reason, coalesce(detail, '') AS detail, headers <> 'null' AS kept, coalesce(resolution, '') AS resolution, attempts,
       coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) + coalesce(pg_column_size(headers), 0) AS bytes,
       CASE WHEN $12::boolean THEN encode(key, 'hex') END AS key, CASE WHEN $12::boolean THEN encode(value, 'hex') END AS value,
       CASE WHEN $12::boolean THEN headers::text END AS headers
FROM :schema.dead_letter
WHERE :part dead_letter_filter
  AND ($14::text IS NULL OR (topic, partition, record_offset, generation) > ($14, $15::int, $16::bigint, $17::int))
ORDER BY CASE $13::text WHEN 'newest' THEN -id WHEN 'oldest' THEN id END, topic, partition, record_offset, generation
LIMIT $11::bigint
