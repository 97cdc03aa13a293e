-- The last proof of the pipeline, whoever made it: a row for each partition, and how long it is ago.
SELECT topic, partition, verified_through, result, extract(epoch FROM at) AS at,
       extract(epoch FROM clock_timestamp() - at) AS age
FROM :schema.verification
WHERE pipeline = $1 AND at = (SELECT max(at) FROM :schema.verification WHERE pipeline = $1)
ORDER BY topic, partition
