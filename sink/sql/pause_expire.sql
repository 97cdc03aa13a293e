-- With a row of the audit trail for each.
WITH expired AS (
  DELETE FROM :schema.pause WHERE pipeline = $1 AND expires_at <= clock_timestamp()
  RETURNING *
), noted AS (
  INSERT INTO :schema.audit (pipeline, who, role, fingerprint, address, command, target, detail, outcome)
  SELECT pipeline, 'sluice', '', '', '', 'expired', target, '{}', 'done' FROM expired
)
SELECT :part pause
FROM expired ORDER BY target
