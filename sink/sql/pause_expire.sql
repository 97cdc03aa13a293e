-- With a row of the audit trail for each.
WITH expired AS (
  DELETE FROM :schema.pause WHERE pipeline = $1 AND expires_at <= clock_timestamp()
  RETURNING *
), noted AS (
  INSERT INTO :schema.audit (pipeline, who, role, fingerprint, address, command, target, detail, outcome)
  SELECT pipeline, 'sluice', '', '', '', 'expired', target, '{}', 'done' FROM expired
)
SELECT target, coalesce(reason, '') AS reason, coalesce(paused_by, '') AS paused_by, (extract(epoch FROM paused_at) * 1000)::bigint AS paused_at,
       (extract(epoch FROM expires_at) * 1000)::bigint AS expires_at
FROM expired ORDER BY target
