SELECT count(*) AS open FROM :schema.dead_letter WHERE pipeline = $1 AND resolved_at IS NULL
