-- Who holds a lock that a statement altering the table $1 waits for: on the table, its partitions and children, or the tables that its
-- foreign keys refer to. The oldest transaction first; when it began is told to roles that may read it.
WITH RECURSIVE part AS (
  SELECT $1::oid AS oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN part ON i.inhparent = part.oid
), needed AS (
  SELECT oid FROM part UNION SELECT c.confrelid FROM pg_constraint c JOIN part ON c.conrelid = part.oid WHERE c.contype = 'f'
)
SELECT l.pid, coalesce(a.usename::text, a.backend_type, '') AS role, coalesce(a.application_name, '') AS application,
       (extract(epoch FROM a.xact_start) * 1000)::bigint AS since_ms
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.relation IN (SELECT oid FROM needed) AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
ORDER BY a.xact_start NULLS LAST, l.pid
LIMIT 1
