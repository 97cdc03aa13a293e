SELECT :part pause
FROM :schema.pause WHERE pipeline = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY pause.paused_at, target
