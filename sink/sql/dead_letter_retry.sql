-- Tried again in vain: why is now another reason. A letter without contents (headers are JSON's null) stays without data.
UPDATE :schema.dead_letter SET attempts = attempts + 1, stage = $3, table_name = nullif($4, ''), sqlstate = nullif($5, ''), reason = $6,
  detail = CASE WHEN headers <> 'null' THEN nullif($7, '') END
WHERE pipeline = $1 AND id = $2::bigint AND resolved_at IS NULL
