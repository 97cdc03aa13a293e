-- The mute in force, if there is one: the last order decides.
SELECT (extract(epoch FROM at) * 1000)::bigint AS at_ms, (extract(epoch FROM until) * 1000)::bigint AS until_ms,
       coalesce(reason, '') AS reason
FROM (SELECT at, reason,
             CASE WHEN kind = 'muted' THEN to_state::timestamptz END AS until
      FROM :schema.event WHERE pipeline = $1 AND kind IN ('muted', 'unmuted') ORDER BY id DESC LIMIT 1) last
WHERE until > clock_timestamp()
