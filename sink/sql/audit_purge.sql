-- A slice of the audit rows that are older than $2 seconds. Another instance takes others.
WITH old AS (
  SELECT id FROM :schema.audit
  WHERE pipeline = $1 AND at < clock_timestamp() - make_interval(secs => $2::double precision)
  ORDER BY at LIMIT $3::bigint FOR UPDATE SKIP LOCKED
), removed AS (
  DELETE FROM :schema.audit a USING old WHERE a.id = old.id RETURNING 1
)
SELECT count(*) AS removed FROM removed
