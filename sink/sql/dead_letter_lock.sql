SELECT id FROM :schema.dead_letter WHERE pipeline = $1 AND id = $2::bigint AND resolved_at IS NULL FOR UPDATE
