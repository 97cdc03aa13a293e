-- A row that could not be stored when it happened keeps the time at which it did.
INSERT INTO :schema.audit (at, pipeline, who, role, fingerprint, address, command, target, detail, outcome)
VALUES (coalesce(to_timestamp($10::bigint / 1000.0), clock_timestamp()), $1, $2, $3, $4, $5, $6, $7,
        coalesce(nullif($8, '')::jsonb, '{}'), $9)
RETURNING id
