WITH gone AS (
  DELETE FROM :schema.notification WHERE pipeline = $1 AND hook <> '' RETURNING 1
)
SELECT count(*) AS rows FROM gone
