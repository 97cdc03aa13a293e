-- How far the server's log is, and how far each physical standby has replayed it; one row without a standby if there is none.
SELECT pg_wal_lsn_diff(written.lsn, '0/0')::bigint AS written, r.pid IS NOT NULL AS there,
       r.pid IS NOT NULL AND r.state IS NULL AS hidden,
       coalesce(nullif(r.application_name, ''), host(r.client_addr), r.pid::text) AS name,
       pg_wal_lsn_diff(r.replay_lsn, '0/0')::bigint AS replayed
FROM (SELECT pg_current_wal_lsn() AS lsn) written
LEFT JOIN pg_stat_replication r
    ON (r.state IS NULL OR r.replay_lsn IS NOT NULL)
   AND NOT EXISTS (SELECT 1 FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
WHERE $1 <> ''
ORDER BY name
