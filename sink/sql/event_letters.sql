-- An event for each table that has letters which none has counted, at most one a minute; each letter is counted once. Only
-- one instance at a time.
WITH alone AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(hashtextextended('sluice letters ' || $1, 0)) AS held
), fresh AS (
  SELECT d.id, coalesce(d.table_name, d.topic) AS place, d.topic, d.reason
  FROM :schema.dead_letter d
  WHERE d.pipeline = $1 AND NOT d.told AND (SELECT held FROM alone)
    AND NOT EXISTS (
      SELECT FROM :schema.event e
      WHERE e.pipeline = $1 AND e.kind = 'dead_letters' AND e.at > clock_timestamp() - interval '1 minute'
        AND starts_with(e.reason, coalesce(d.table_name, d.topic) || ': '))
  ORDER BY d.id LIMIT 10000 FOR UPDATE OF d SKIP LOCKED
), counted AS (
  UPDATE :schema.dead_letter d SET told = true FROM fresh WHERE d.id = fresh.id
)
INSERT INTO :schema.event (pipeline, instance, kind, topic, reason)
SELECT $1, $2, 'dead_letters', CASE WHEN min(topic) = max(topic) THEN min(topic) END,
       format('%s: %s new, the last: %s', place, count(*), (array_agg(reason ORDER BY id DESC))[1])
FROM fresh GROUP BY place ORDER BY place
