-- What sessions wait for: the first of those that hold what they want, or the server's own word for it.
SELECT waiting.pid, coalesce(blocker.pid, 0) AS blocker,
       CASE WHEN blocker.pid IS NOT NULL
            THEN format('for session %s (%s, user %s%s), which has what it needs locked%s', blocker.pid,
                        coalesce(nullif(blocker.application_name, ''), 'without a name'),
                        coalesce(blocker.usename::text, 'unknown'), ', ' || blocker.state,
                        to_char(blocker.xact_start AT TIME ZONE 'UTC',
                                '", by a transaction that began at "YYYY-MM-DD"T"HH24:MI:SS"Z"'))
            ELSE coalesce('in the server: ' || lower(waiting.wait_event_type) || ' ' || waiting.wait_event,
                          'in the server, which works on it') END AS reason
FROM pg_stat_activity waiting
LEFT JOIN LATERAL (SELECT b.pid, b.application_name, b.usename, b.state, b.xact_start
                   FROM unnest(pg_blocking_pids(waiting.pid)) AS blocking (pid)
                   JOIN pg_stat_activity b ON b.pid = blocking.pid ORDER BY b.pid LIMIT 1) blocker ON true
WHERE $1 <> '' AND waiting.pid = ANY($2::int[])
