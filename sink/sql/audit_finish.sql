UPDATE :schema.audit SET outcome = $3 WHERE pipeline = $1 AND id = $2::bigint RETURNING id
