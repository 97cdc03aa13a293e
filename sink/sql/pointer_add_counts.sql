-- After a bisection: what became of the records is known only once the pointers have moved, in the same transaction.
UPDATE :schema.pointer p
SET applied = p.applied + s.applied, folded = p.folded + s.folded, skipped = p.skipped + s.skipped,
    dead = p.dead + s.dead, gaps = p.gaps + s.gaps, updated_at = clock_timestamp()
FROM (SELECT unnest($3::text[]) AS topic, unnest($4::int[]) AS partition, unnest($5::bigint[]) AS next,
             unnest($6::bigint[]) AS epoch, unnest($7::bigint[]) AS applied, unnest($8::bigint[]) AS folded,
             unnest($9::bigint[]) AS skipped, unnest($10::bigint[]) AS dead, unnest($11::bigint[]) AS gaps) s
WHERE p.pipeline = $1::text AND p.owner = $2::uuid AND p.topic = s.topic AND p.partition = s.partition
  AND p.epoch = s.epoch AND p.next_offset = s.next
