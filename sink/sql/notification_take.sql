-- The oldest row that is due for the first of the hooks ($2) that has one. Nobody else takes it for $3 seconds: whoever has it says what came
-- of it before.
WITH due AS (
  SELECT oldest.id
  FROM unnest($2::text[]) WITH ORDINALITY AS turn (hook, place)
  CROSS JOIN LATERAL (
    SELECT waiting.id FROM :schema.notification waiting
    WHERE waiting.pipeline = $1 AND waiting.hook = turn.hook AND waiting.next_try <= clock_timestamp()
    ORDER BY waiting.id LIMIT 1 FOR UPDATE SKIP LOCKED
  ) oldest
  ORDER BY turn.place LIMIT 1
)
UPDATE :schema.notification n
SET attempts = n.attempts + 1, next_try = clock_timestamp() + make_interval(secs => $3::double precision)
FROM due, :schema.event e
WHERE n.id = due.id AND e.id = n.event_id
RETURNING n.id AS notification, n.hook, n.attempts, e.id, (extract(epoch FROM e.at) * 1000)::bigint AS at_ms, e.instance,
          e.kind, coalesce(e.topic, '') AS topic, coalesce(e.partition, -1) AS partition,
          coalesce(e.from_state, '') AS from_state, coalesce(e.to_state, '') AS to_state, coalesce(e.reason, '') AS reason
