UPDATE :schema.dead_letter SET resolved_at = clock_timestamp(), resolution = $3
WHERE pipeline = $1 AND id = $2::bigint AND resolved_at IS NULL
