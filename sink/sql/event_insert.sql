-- One that could not be stored when it happened keeps the time at which it did.
INSERT INTO :schema.event (at, pipeline, instance, kind, topic, partition, from_state, to_state, reason)
VALUES (coalesce(to_timestamp($9::bigint / 1000.0), clock_timestamp()), $1, $2, $3, $4, $5::int, $6, $7, $8)
