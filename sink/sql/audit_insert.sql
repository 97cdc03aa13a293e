INSERT INTO :schema.audit (pipeline, who, role, fingerprint, address, command, target, detail, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce(nullif($8, '')::jsonb, '{}'), $9)
RETURNING id
