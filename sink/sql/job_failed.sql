-- Unless it has succeeded after all, and only the answer was lost. The back-off doubles from a second up to five minutes, but
-- is never shorter than $6 seconds.
UPDATE :schema.job j
SET last_started = $3::timestamptz, last_finished = clock_timestamp(), instance = $7, runs = j.runs + 1, failures = j.failures + 1,
    failed_in_a_row = j.failed_in_a_row + 1, last_error = $4, last_detail = nullif($5, ''),
    retry_at = clock_timestamp() + make_interval(secs => greatest($6::double precision, least(300, 2 ^ least(j.failed_in_a_row, 9))))
FROM (SELECT b.last_error FROM :schema.job b WHERE b.pipeline = $1 AND b.name = $2) before
WHERE j.pipeline = $1 AND j.name = $2 AND coalesce(j.last_started, '-infinity') < $3::timestamptz
RETURNING before.last_error IS DISTINCT FROM $4 AS news
