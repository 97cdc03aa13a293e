-- What the rows say of this transaction's records, once guards have moved some of them from applied to skipped.
SELECT p.topic, p.partition, p.applied, p.folded, p.skipped, p.dead, p.gaps
FROM :schema.pointer p JOIN (SELECT unnest($2::text[]) AS topic, unnest($3::int[]) AS partition) wanted
  ON p.topic = wanted.topic AND p.partition = wanted.partition
WHERE p.pipeline = $1
