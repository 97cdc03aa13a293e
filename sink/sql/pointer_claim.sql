-- Takes the pointer row; waits on the row lock while a predecessor's transaction is unfinished.
INSERT INTO :schema.pointer AS p (pipeline, topic, partition, start_offset, next_offset, epoch, owner, owner_host)
VALUES ($1, $2, $3::int, $4::bigint, $4::bigint, 1, $5::uuid, $6)
ON CONFLICT (pipeline, topic, partition) DO UPDATE
  SET epoch = p.epoch + 1, owner = excluded.owner, owner_host = excluded.owner_host, updated_at = clock_timestamp()
RETURNING next_offset, epoch, generation, anchor_offset, (extract(epoch FROM anchor_timestamp) * 1000)::bigint, anchor_crc,
  state, state_reason, applied, folded, skipped, dead, gaps, start_offset
