-- By order of an operator: what stopped the partition is tried again, from where it was found.
UPDATE :schema.pointer SET state = 'ok', state_reason = NULL, updated_at = clock_timestamp()
WHERE pipeline = $1 AND topic = $2 AND partition = $3::int AND next_offset = $4::bigint AND epoch = $5::bigint
  AND generation = $6::int AND state = $7 AND state NOT IN ('ok', 'paused')
RETURNING topic
