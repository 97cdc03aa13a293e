-- A slice of the letters that were resolved longer ago than $2 seconds. Another instance takes others.
WITH old AS (
  SELECT id FROM :schema.dead_letter
  WHERE pipeline = $1 AND resolved_at < clock_timestamp() - make_interval(secs => $2::double precision)
  ORDER BY resolved_at LIMIT $3::bigint FOR UPDATE SKIP LOCKED
), removed AS (
  DELETE FROM :schema.dead_letter d USING old WHERE d.id = old.id RETURNING 1
)
SELECT count(*) AS removed FROM removed
