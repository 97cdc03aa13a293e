-- A slice of the events that are older than $2 seconds, but for those that a hook has still to be told. Another instance takes
-- others. The last order about muting stays: it decides (event_mute).
WITH old AS (
  SELECT o.id FROM :schema.event o
  WHERE o.pipeline = $1 AND o.at < clock_timestamp() - make_interval(secs => $2::double precision)
    AND o.id IS DISTINCT FROM (SELECT id FROM ( :part mute_order
      ORDER BY id DESC LIMIT 1) last)
    AND NOT EXISTS (SELECT FROM :schema.notification n WHERE n.event_id = o.id AND n.hook <> '')
  ORDER BY o.at LIMIT $3::bigint FOR UPDATE OF o SKIP LOCKED
), removed AS (
  DELETE FROM :schema.event e USING old WHERE e.id = old.id RETURNING 1
)
SELECT count(*) AS removed FROM removed
