DELETE FROM :schema.notification WHERE pipeline = $1 AND id = $2::bigint
