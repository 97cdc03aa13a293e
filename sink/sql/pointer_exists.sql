SELECT coalesce(bool_or(partition = $3::int), false), count(*) > 0
FROM :schema.pointer WHERE pipeline = $1 AND topic = $2
