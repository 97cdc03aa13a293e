-- What sessions wait for: the first of those that hold what they want, a prepared transaction that does, which no session
-- has any more, or the server's own word for it. With who that is, and what to do about it.
SELECT waiting.pid, coalesce(blocker.name, prepared.name, '') AS holder,
       coalesce(blocker.reason, prepared.reason,
                CASE WHEN waiting.wait_event = 'SyncRep'
                     THEN format('for a synchronous standby to confirm its commit (synchronous_standby_names = %L)',
                                 current_setting('synchronous_standby_names')) END,
                'in the server: ' || lower(waiting.wait_event_type) || ' ' || waiting.wait_event,
                'in the server, which works on it') AS reason,
       coalesce(blocker.advice, prepared.advice,
                CASE WHEN waiting.wait_event = 'SyncRep'
                     THEN 'it resumes once one does, which pg_stat_replication shows; or ALTER SYSTEM changes '
                          'synchronous_standby_names, and SELECT pg_reload_conf()' END,
                'it resumes once the server has done that') AS advice
FROM pg_stat_activity waiting
LEFT JOIN LATERAL (
  SELECT format('session %s', b.pid) AS name,
         format('for session %s (%s%s%s), which has what it needs locked%s', b.pid,
                coalesce(nullif(b.application_name, ''), nullif(b.backend_type, 'client backend'), 'without a name'),
                ', user ' || b.usename::text, ', ' || b.state,
                to_char(b.xact_start AT TIME ZONE 'UTC',
                        '" by a transaction that began at "YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS reason,
         format('it resumes once that session has ended its transaction; SELECT pg_terminate_backend(%s) ends it',
                b.pid) AS advice
  FROM unnest(pg_blocking_pids(waiting.pid)) AS blocking (pid)
  JOIN pg_stat_activity b ON b.pid = blocking.pid ORDER BY b.pid LIMIT 1) blocker ON true
LEFT JOIN LATERAL (
  SELECT format('prepared transaction %L', p.gid) AS name,
         format('for the prepared transaction %L (user %s%s), which has what it needs locked', p.gid, p.owner,
                to_char(p.prepared AT TIME ZONE 'UTC', '", prepared at "YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS reason,
         format('it resumes once COMMIT PREPARED %1$L or ROLLBACK PREPARED %1$L has ended it', p.gid) AS advice
  FROM pg_locks wanted
  JOIN pg_locks held ON held.granted AND held.pid IS NULL
    AND (held.locktype, held.database, held.relation, held.page, held.tuple, held.virtualxid, held.transactionid,
         held.classid, held.objid, held.objsubid)
        IS NOT DISTINCT FROM (wanted.locktype, wanted.database, wanted.relation, wanted.page, wanted.tuple,
                              wanted.virtualxid, wanted.transactionid, wanted.classid, wanted.objid, wanted.objsubid)
  JOIN pg_locks own ON own.virtualtransaction = held.virtualtransaction AND own.pid IS NULL AND own.locktype = 'transactionid'
  JOIN pg_prepared_xacts p ON p.transaction = own.transactionid
  WHERE wanted.pid = waiting.pid AND NOT wanted.granted AND 0 = ANY (pg_blocking_pids(waiting.pid))
  ORDER BY p.prepared LIMIT 1) prepared ON true
WHERE $1 <> '' AND waiting.pid = ANY($2::int[])
