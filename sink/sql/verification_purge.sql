-- A slice of the results that are older than $2 seconds; the last one of each partition stays. Another instance takes others.
WITH old AS (
  SELECT v.id FROM :schema.verification v
  WHERE v.pipeline = $1 AND v.at < clock_timestamp() - make_interval(secs => $2::double precision)
    AND EXISTS (SELECT FROM :schema.verification later
                WHERE later.pipeline = v.pipeline AND later.topic = v.topic AND later.partition = v.partition AND later.id > v.id)
  ORDER BY v.at LIMIT $3::bigint FOR UPDATE OF v SKIP LOCKED
), removed AS (
  DELETE FROM :schema.verification v USING old WHERE v.id = old.id RETURNING 1
)
SELECT count(*) AS removed FROM removed
