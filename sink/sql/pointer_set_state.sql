UPDATE :schema.pointer
SET state = $3, state_reason = nullif($4, ''), updated_at = clock_timestamp()
WHERE pipeline = $1 AND owner = $2::uuid AND topic = $5 AND partition = $6::int AND epoch = $7::bigint
