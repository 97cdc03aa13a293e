-- The letters of sql/dead_letter_select.sql's filter that are open.
UPDATE :schema.dead_letter d SET resolved_at = clock_timestamp(), resolution = $10
WHERE d.id IN (
  SELECT id FROM :schema.dead_letter
  WHERE pipeline = $1 AND ($2::bigint[] IS NULL OR id = ANY($2::bigint[])) AND ($3::text IS NULL OR topic = $3)
    AND ($4::text IS NULL OR table_name = $4) AND ($5::text IS NULL OR strpos(lower(reason), lower($5)) > 0)
    AND ($6::bigint IS NULL OR created_at >= to_timestamp($6::bigint / 1000.0))
    AND ($7::bigint IS NULL OR created_at < to_timestamp($7::bigint / 1000.0))
    AND resolved_at IS NULL AND (NOT $8::boolean OR attempts > 1)
  ORDER BY topic, partition, record_offset, generation
  LIMIT $9::bigint)
  AND d.resolved_at IS NULL
RETURNING id
