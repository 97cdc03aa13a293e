-- Marks those that the filter has and that are open, the oldest first and no more than $12.
WITH discarded AS (
  UPDATE :schema.dead_letter SET resolved_at = clock_timestamp(), resolution = $11
  WHERE resolved_at IS NULL AND id IN (SELECT id FROM :schema.dead_letter WHERE :part dead_letter_filter AND resolved_at IS NULL ORDER BY id LIMIT $12::bigint)
  RETURNING id)
SELECT count(*) AS discarded FROM discarded
