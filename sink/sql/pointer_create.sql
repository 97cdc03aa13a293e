-- Rows that nobody owns yet. Those that exist are left out beforehand: ON CONFLICT would wait for whoever holds one.
INSERT INTO :schema.pointer (pipeline, topic, partition, start_offset, next_offset)
SELECT $1::text, s.topic, s.partition, s.start, s.start
FROM (SELECT unnest($2::text[]) AS topic, unnest($3::int[]) AS partition, unnest($4::bigint[]) AS start) s
WHERE NOT EXISTS (SELECT FROM :schema.pointer p
                  WHERE p.pipeline = $1::text AND p.topic = s.topic AND p.partition = s.partition)
ORDER BY s.topic, s.partition
ON CONFLICT (pipeline, topic, partition) DO NOTHING
