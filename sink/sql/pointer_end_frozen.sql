-- Ends a session of this pipeline that holds one pointer row in a transaction and has heard nothing from its client for
-- long. While a pipeline of statements is half sent, no time-out of the server's own runs, and the locks of a frozen
-- process would stay. The row's xmax is the transaction that holds it; the server keeps 63 bytes of a session's name.
SELECT count(pg_terminate_backend(holder.pid))
FROM :schema.pointer p
JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = p.xmax AND l.mode = 'ExclusiveLock' AND l.granted
JOIN pg_stat_activity holder ON holder.pid = l.pid
WHERE p.pipeline = $1 AND p.topic = $3 AND p.partition = $4::int
  AND holder.datname = current_database() AND holder.usename = current_user AND holder.application_name = left($2, 63)
  AND holder.pid <> pg_backend_pid() AND holder.state = 'active' AND holder.wait_event = 'ClientRead'
  AND holder.state_change < clock_timestamp() - interval '10 seconds'
