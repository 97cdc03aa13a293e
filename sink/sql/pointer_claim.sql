-- Takes the pointer rows that no other transaction holds; the others are left out, and the caller comes again.
UPDATE :schema.pointer p
SET epoch = p.epoch + 1, owner = $2::uuid, owner_host = $3, updated_at = clock_timestamp()
FROM (SELECT o.topic, o.partition
      FROM :schema.pointer o JOIN (SELECT unnest($4::text[]) AS topic, unnest($5::int[]) AS partition) wanted
        ON o.topic = wanted.topic AND o.partition = wanted.partition
      WHERE o.pipeline = $1
      FOR UPDATE OF o SKIP LOCKED) free
WHERE p.pipeline = $1 AND p.topic = free.topic AND p.partition = free.partition
RETURNING p.topic, p.partition, p.next_offset, p.epoch, p.generation, p.anchor_offset,
  (extract(epoch FROM p.anchor_timestamp) * 1000)::bigint, p.anchor_crc, p.state, p.state_reason, p.applied, p.folded,
  p.skipped, p.dead, p.gaps, p.start_offset
