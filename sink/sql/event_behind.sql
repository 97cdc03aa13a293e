-- The partitions of which the time line says last that they lag.
SELECT topic, partition
FROM (SELECT DISTINCT ON (topic, partition) topic, partition, to_state
      FROM :schema.event WHERE pipeline = $1 AND kind = 'lag' ORDER BY topic, partition, id DESC) last
WHERE to_state = 'behind'
