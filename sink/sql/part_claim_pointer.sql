UPDATE :schema.pointer p
SET epoch = p.epoch + 1, owner = $2::uuid, owner_host = $3, updated_at = clock_timestamp()
