SELECT p.topic, p.partition, p.state, coalesce(p.state_reason, '')
FROM :schema.pointer p JOIN (SELECT unnest($2::text[]) AS topic, unnest($3::int[]) AS partition) wanted
  ON p.topic = wanted.topic AND p.partition = wanted.partition
WHERE p.pipeline = $1
