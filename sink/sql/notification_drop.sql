-- What waits for a hook goes, as long as notifications are muted: whoever asks may have seen a mute that is over by now.
WITH gone AS (
  DELETE FROM :schema.notification
  WHERE pipeline = $1 AND hook <> '' AND EXISTS (
    SELECT FROM ( :part mute_order
      ORDER BY id DESC LIMIT 1) last WHERE until > clock_timestamp())
  RETURNING 1
)
SELECT count(*) AS rows FROM gone
