-- Rows that nobody owns yet.
INSERT INTO :schema.pointer (pipeline, topic, partition, start_offset, next_offset)
SELECT $1::text, s.topic, s.partition, s.start, s.start
FROM (SELECT unnest($2::text[]) AS topic, unnest($3::int[]) AS partition, unnest($4::bigint[]) AS start) s
ON CONFLICT (pipeline, topic, partition) DO NOTHING
