DELETE FROM :schema.pause WHERE pipeline = $1 AND target = $2
RETURNING :part pause
