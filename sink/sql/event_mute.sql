-- The mute in force, if there is one.
SELECT (extract(epoch FROM at) * 1000)::bigint AS at_ms, (extract(epoch FROM until) * 1000)::bigint AS until_ms, reason
FROM ( :part mute_order
  ORDER BY id DESC LIMIT 1) last
WHERE until > clock_timestamp()
