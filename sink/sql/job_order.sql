INSERT INTO :schema.job AS j (pipeline, name, ordered_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (pipeline, name) DO UPDATE SET ordered_at = excluded.ordered_at
RETURNING name
