-- Ends sessions of this pipeline that hold a transaction open and have heard nothing from their client for long. While a
-- pipeline of statements is half sent, no time-out of the server's own runs, and the locks of a frozen process would stay.
SELECT count(pg_terminate_backend(pid))
FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = $1 AND pid <> pg_backend_pid()
  AND state = 'active' AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - interval '10 seconds'
