-- With a reason: only the pause that has it.
DELETE FROM :schema.pause WHERE pipeline = $1 AND target = $2 AND ($3::text IS NULL OR reason = $3)
RETURNING :part pause
