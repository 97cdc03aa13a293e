-- Takes one pointer row and waits for the transaction that holds it: a predecessor that commits without a pause leaves no
-- moment in which its row is free.
UPDATE :schema.pointer p
SET epoch = p.epoch + 1, owner = $2::uuid, owner_host = $3, updated_at = clock_timestamp()
WHERE p.pipeline = $1 AND p.topic = $4 AND p.partition = $5::int
RETURNING p.topic, p.partition, p.next_offset, p.epoch, p.generation, p.anchor_offset,
  (extract(epoch FROM p.anchor_timestamp) * 1000)::bigint, p.anchor_crc, p.state, p.state_reason, p.applied, p.folded,
  p.skipped, p.dead, p.gaps, p.start_offset
