-- A slice of the events that are older than $2 seconds. Another instance takes others.
WITH old AS (
  SELECT id FROM :schema.event
  WHERE pipeline = $1 AND at < clock_timestamp() - make_interval(secs => $2::double precision)
  ORDER BY at LIMIT $3::bigint FOR UPDATE SKIP LOCKED
), removed AS (
  DELETE FROM :schema.event e USING old WHERE e.id = old.id RETURNING 1
)
SELECT count(*) AS removed FROM removed
