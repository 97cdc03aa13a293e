-- Row $2 is tried again in $4 seconds, and the others of its hook ($3) not before $5 seconds have passed. With $6 the attempt
-- does not count.
UPDATE :schema.notification
SET next_try = clock_timestamp() + make_interval(secs => CASE WHEN id = $2::bigint THEN $4::double precision ELSE $5::double precision END),
    attempts = attempts - CASE WHEN id = $2::bigint AND $6::boolean THEN 1 ELSE 0 END
WHERE pipeline = $1
  AND (id = $2::bigint OR (hook = $3 AND next_try < clock_timestamp() + make_interval(secs => $5::double precision)))
