-- What nobody has taken for $2 seconds goes, with what was never shared out while no program did that.
WITH gone AS (
  DELETE FROM :schema.notification
  WHERE pipeline = $1 AND at < clock_timestamp() - make_interval(secs => $2::double precision)
  RETURNING hook, event_id
)
SELECT hook, count(*) AS rows, min(event_id) AS first, max(event_id) AS last FROM gone WHERE hook <> '' GROUP BY hook ORDER BY hook
