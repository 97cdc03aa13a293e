-- Marks those of the numbers that are open.
UPDATE :schema.dead_letter SET resolved_at = clock_timestamp(), resolution = $3
WHERE pipeline = $1 AND id = ANY($2::bigint[]) AND resolved_at IS NULL
RETURNING id
