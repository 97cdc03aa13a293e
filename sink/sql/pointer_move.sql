-- By order of an operator: only from where it was found, and only while the partition is stopped. The next epoch keeps
-- whoever still believes the old pointer from writing. The state of a paused
-- partition stays: whether its pause ends with the move is not said here.
UPDATE :schema.pointer
SET next_offset = $4::bigint,
    start_offset = CASE WHEN $5::boolean THEN $4::bigint ELSE start_offset END,
    generation = generation + CASE WHEN $6::boolean THEN 1 ELSE 0 END,
    epoch = epoch + 1,
    state_reason = CASE WHEN state = 'paused' THEN state_reason END,
    state = CASE WHEN state = 'paused' THEN state ELSE 'ok' END,
    applied = CASE WHEN $5::boolean THEN 0 ELSE applied END,
    folded = CASE WHEN $5::boolean THEN 0 ELSE folded END,
    skipped = CASE WHEN $5::boolean THEN 0 ELSE skipped + $7::bigint END,
    dead = CASE WHEN $5::boolean THEN 0 ELSE dead + $8::bigint END,
    gaps = CASE WHEN $5::boolean THEN 0 ELSE gaps + $9::bigint END,
    anchor_offset = nullif($10, '')::bigint,
    anchor_timestamp = to_timestamp(nullif($11, '')::bigint / 1000.0),
    anchor_crc = nullif($12, '')::bigint,
    updated_at = clock_timestamp()
WHERE pipeline = $1 AND topic = $2 AND partition = $3::int AND next_offset = $13::bigint AND epoch = $14::bigint
  AND generation = $15::int AND state = $16 AND state <> 'ok'
