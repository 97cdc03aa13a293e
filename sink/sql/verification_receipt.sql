-- What is known of records, in the order of the arrays: the pointer of the partition, and the letter of the record.
SELECT p.start_offset, p.next_offset, d.id AS letter, coalesce(d.resolution, '') AS resolution
FROM unnest($2::text[], $3::int[], $4::bigint[]) WITH ORDINALITY AS s (topic, partition, record_offset, place)
LEFT JOIN :schema.pointer p ON p.pipeline = $1 AND p.topic = s.topic AND p.partition = s.partition
LEFT JOIN :schema.dead_letter d ON d.pipeline = p.pipeline AND d.topic = p.topic AND d.partition = p.partition
  AND d.record_offset = s.record_offset AND d.generation = p.generation
ORDER BY s.place
