-- Makes of each event that has not been shared out yet a row for every hook ($2) that wants its kind ($3), unless notifications were
-- muted when it happened: it may be shared out when the mute has ended, or when the next one has begun.
WITH due AS (
  SELECT id, event_id FROM :schema.notification
  WHERE pipeline = $1 AND hook = '' AND next_try <= clock_timestamp()
  ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED
), shared AS (
  DELETE FROM :schema.notification n USING due WHERE n.id = due.id
)
INSERT INTO :schema.notification (pipeline, hook, event_id, next_try)
SELECT $1, wanted.hook, e.id, clock_timestamp()
FROM due JOIN :schema.event e ON e.id = due.event_id
JOIN (SELECT unnest($2::text[]) AS hook, unnest($3::text[]) AS kind) wanted ON wanted.kind = e.kind
LEFT JOIN LATERAL ( :part mute_order
  AND at <= e.at ORDER BY id DESC LIMIT 1) mute ON true
WHERE mute.until IS NULL OR mute.until <= e.at
ORDER BY e.id
