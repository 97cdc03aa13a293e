-- An expired pause that nobody has swept yet does not stand in the way of a new one.
INSERT INTO :schema.pause AS p (pipeline, target, reason, paused_by, paused_at, expires_at)
VALUES ($1, $2, $3, $4, clock_timestamp(), to_timestamp($5::bigint / 1000.0))
ON CONFLICT (pipeline, target) DO UPDATE
  SET reason = excluded.reason, paused_by = excluded.paused_by, paused_at = excluded.paused_at, expires_at = excluded.expires_at
  WHERE p.expires_at <= clock_timestamp()
RETURNING target
