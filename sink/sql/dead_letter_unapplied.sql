-- Records from an offset on that have not taken effect: they cannot have superseded anything.
SELECT record_offset FROM :schema.dead_letter
WHERE pipeline = $1 AND topic = $2 AND partition = $3::int AND generation = $4::int AND record_offset >= $5::bigint
  AND (resolution IS NULL OR resolution NOT LIKE 'replayed%')
