-- Every partition of the pipeline, whoever owns it.
SELECT :part pointer_row
FROM :schema.pointer WHERE pipeline = $1 ORDER BY topic, partition
