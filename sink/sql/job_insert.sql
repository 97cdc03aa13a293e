INSERT INTO :schema.job (pipeline, name) SELECT $1, name FROM unnest($2::text[]) AS wanted (name) ORDER BY name
ON CONFLICT (pipeline, name) DO NOTHING
