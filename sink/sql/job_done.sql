-- In the transaction of the job's own statement: unless that has ended it, no row is found.
UPDATE :schema.job
SET seen = $3, last_started = $4::timestamptz, last_finished = clock_timestamp(), last_success = clock_timestamp(), instance = $5,
    runs = runs + 1, failed_in_a_row = 0, retry_at = NULL, last_error = NULL, last_detail = NULL
WHERE pipeline = $1 AND name = $2 AND pg_current_xact_id()::text = $6
RETURNING name
