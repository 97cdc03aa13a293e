-- Tried again in vain: why is now another reason.
UPDATE :schema.dead_letter SET attempts = attempts + 1, stage = $3, table_name = nullif($4, ''), sqlstate = nullif($5, ''), reason = $6
WHERE pipeline = $1 AND id = $2::bigint AND resolved_at IS NULL
