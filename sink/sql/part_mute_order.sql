-- Orders about muting: until when each mutes, nothing if it ends a mute. Of those that count, the last one decides.
SELECT id, at, coalesce(reason, '') AS reason, CASE WHEN kind = 'muted' THEN to_state::timestamptz END AS until
FROM :schema.event WHERE pipeline = $1 AND kind IN ('muted', 'unmuted')
