-- Takes the pointer rows that no other transaction holds; the others are left out, and the caller comes again.
:part claim_pointer
FROM (SELECT o.topic, o.partition
      FROM :schema.pointer o JOIN (SELECT unnest($4::text[]) AS topic, unnest($5::int[]) AS partition) wanted
        ON o.topic = wanted.topic AND o.partition = wanted.partition
      WHERE o.pipeline = $1
      FOR UPDATE OF o SKIP LOCKED) free
WHERE p.pipeline = $1 AND p.topic = free.topic AND p.partition = free.partition
:part claimed_pointer
