RETURNING p.topic, p.partition, p.next_offset, p.epoch, p.generation, p.anchor_offset,
  (extract(epoch FROM p.anchor_timestamp) * 1000)::bigint, p.anchor_crc, p.state, p.state_reason, p.applied, p.folded,
  p.skipped, p.dead, p.gaps, p.start_offset
