-- Pointers advance set by set, states have all their names, open dead letters are found by an index.

-- The list comes from admin/partition_state.cc. A state that is added there later needs a migration of its own.
ALTER TABLE :schema.pointer DROP CONSTRAINT IF EXISTS pointer_state_check;
ALTER TABLE :schema.pointer ADD CONSTRAINT pointer_state_check CHECK (state IN (:states));

CREATE INDEX dead_letter_open ON :schema.dead_letter (pipeline, topic, partition, record_offset) WHERE resolved_at IS NULL;

-- Moves the pointers of one batch, each by compare-and-set, in one statement. It raises where a pointer is not as the
-- claim said, so that everything that is already on its way behind it, COMMIT included, comes to nothing.
-- The rows are to be locked in the order of the arrays, or two writers could wait for each other. With every condition on
-- the key in the set `s`, and bitmap scans only, which need a condition, a walk along the arrays is the only plan. (Where
-- statistics say that the table has one row there is no bitmap scan, and the price of the others would start the JIT.)
CREATE OR REPLACE FUNCTION :schema.advance(
  for_pipeline text, by_owner uuid, topics text[], partitions int[], expected bigint[], next bigint[], epochs bigint[],
  generations int[], anchor_offsets bigint[], anchor_timestamps timestamptz[], anchor_crcs bigint[],
  applied_counts bigint[], folded_counts bigint[], skipped_counts bigint[], dead_counts bigint[], gap_counts bigint[])
RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_indexscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
  moved bigint;
  stale record;
BEGIN
  UPDATE :schema.pointer p
     SET next_offset = s.next,
         anchor_offset = coalesce(s.anchor_offset, p.anchor_offset),
         anchor_timestamp = CASE WHEN s.anchor_offset IS NULL THEN p.anchor_timestamp ELSE s.anchor_timestamp END,
         anchor_crc = CASE WHEN s.anchor_offset IS NULL THEN p.anchor_crc ELSE s.anchor_crc END,
         applied = p.applied + s.applied,
         folded = p.folded + s.folded,
         skipped = p.skipped + s.skipped,
         dead = p.dead + s.dead,
         gaps = p.gaps + s.gaps,
         updated_at = clock_timestamp()
    FROM (SELECT for_pipeline AS pipeline, by_owner AS owner, unnest(topics) AS topic, unnest(partitions) AS partition, unnest(expected) AS expected,
                 unnest(advance.next) AS next, unnest(epochs) AS epoch, unnest(generations) AS generation,
                 unnest(anchor_offsets) AS anchor_offset, unnest(anchor_timestamps) AS anchor_timestamp,
                 unnest(anchor_crcs) AS anchor_crc, unnest(applied_counts) AS applied, unnest(folded_counts) AS folded,
                 unnest(skipped_counts) AS skipped, unnest(dead_counts) AS dead, unnest(gap_counts) AS gaps) s
   WHERE p.pipeline = s.pipeline AND p.topic = s.topic AND p.partition = s.partition
     AND p.next_offset = s.expected AND p.epoch = s.epoch AND p.owner = s.owner AND p.generation = s.generation
     AND p.state = 'ok' AND s.next > s.expected;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = cardinality(topics) THEN
    RETURN;
  END IF;
  -- The first that did not move: of those that did, this transaction has written the row.
  SELECT s.*, p.next_offset AS found_offset, p.epoch AS found_epoch, p.generation AS found_generation, p.state, p.owner_host
    INTO stale
    FROM unnest(topics, partitions, expected, advance.next, epochs, generations)
           WITH ORDINALITY s (topic, partition, expected, next, epoch, generation, place)
    LEFT JOIN :schema.pointer p ON p.pipeline = for_pipeline AND p.topic = s.topic AND p.partition = s.partition
   WHERE p.topic IS NULL OR p.xmin <> pg_current_xact_id()::xid
   ORDER BY s.place LIMIT 1;
  IF stale.next <= stale.expected THEN
    RAISE EXCEPTION 'the pointer of %/% must move forward, not from % to %', stale.topic, stale.partition, stale.expected,
      stale.next USING ERRCODE = 'SL002';
  END IF;
  RAISE EXCEPTION 'fenced: %/% expected at % under epoch %, generation %; found at % under epoch %, generation %, state %, owner on %',
    stale.topic, stale.partition, stale.expected, stale.epoch, stale.generation, stale.found_offset, stale.found_epoch,
    stale.found_generation, stale.state, stale.owner_host USING ERRCODE = 'SL001';
END
$function$;
