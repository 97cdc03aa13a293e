-- One run of a job at a time, in all instances: the lock falls with the transaction, so with whoever had it.
SELECT pg_try_advisory_xact_lock(hashtextextended('sluice job :schema ' || $1 || ' ' || $2, 0)) AS locked,
       pg_current_xact_id()::text AS transaction, clock_timestamp()::text AS started
