-- One standing proof of a pipeline at a time; held by the session.
SELECT pg_try_advisory_lock(hashtextextended('sluice verification :schema ' || $1, 0)) AS locked
