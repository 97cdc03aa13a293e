-- The tables that a pipeline and its operators share, and the one function that a batch's safety rests on.

-- Rewritten by every transaction: room on the page keeps the updates HOT, and an eager autovacuum keeps it at one page.
CREATE TABLE :schema.pointer (
  pipeline text NOT NULL,
  topic text NOT NULL,
  partition int NOT NULL,
  start_offset bigint NOT NULL,
  next_offset bigint NOT NULL CHECK (next_offset >= 0),
  generation int NOT NULL DEFAULT 1,
  epoch bigint NOT NULL DEFAULT 0,
  owner uuid,
  owner_host text,
  anchor_offset bigint,
  anchor_timestamp timestamptz,
  anchor_crc bigint,
  state text NOT NULL DEFAULT 'ok' CHECK (state IN
    ('ok', 'paused', 'poison', 'lost_data', 'log_shrunk', 'log_changed', 'topic_missing', 'schema')),
  state_reason text,
  applied bigint NOT NULL DEFAULT 0,
  folded bigint NOT NULL DEFAULT 0,
  skipped bigint NOT NULL DEFAULT 0,
  dead bigint NOT NULL DEFAULT 0,
  gaps bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (pipeline, topic, partition)
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE :schema.dead_letter (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL,
  topic text NOT NULL,
  partition int NOT NULL,
  record_offset bigint NOT NULL,
  generation int NOT NULL,
  record_timestamp timestamptz,
  key bytea,
  value bytea,
  headers jsonb NOT NULL DEFAULT '[]',
  stage text NOT NULL CHECK (stage IN ('decode', 'map', 'write')),
  table_name text,
  sqlstate text,
  reason text NOT NULL,
  attempts int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolved_at timestamptz,
  resolution text,
  UNIQUE (pipeline, topic, partition, record_offset, generation)
);

CREATE TABLE :schema.pause (
  pipeline text NOT NULL,
  target text NOT NULL,
  reason text,
  paused_by text,
  paused_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz,
  PRIMARY KEY (pipeline, target)
);

CREATE TABLE :schema.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  pipeline text,
  who text,
  role text,
  fingerprint text,
  address text,
  command text,
  target text,
  detail jsonb,
  outcome text
);

-- Moves the pointers of one batch, each by compare-and-set. It raises where a pointer is not as the claim said, so that
-- everything that is already on its way behind it, COMMIT included, comes to nothing.
CREATE FUNCTION :schema.advance(
  for_pipeline text, by_owner uuid, topics text[], partitions int[], expected bigint[], next bigint[], epochs bigint[],
  generations int[], anchor_offsets bigint[], anchor_timestamps timestamptz[], anchor_crcs bigint[],
  applied_counts bigint[], folded_counts bigint[], skipped_counts bigint[], dead_counts bigint[], gap_counts bigint[])
RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
  found_row :schema.pointer;
BEGIN
  FOR i IN 1 .. coalesce(array_length(topics, 1), 0) LOOP
    IF next[i] <= expected[i] THEN
      RAISE EXCEPTION 'the pointer of %/% must move forward, not from % to %', topics[i], partitions[i], expected[i],
        next[i] USING ERRCODE = 'SL002';
    END IF;
    UPDATE :schema.pointer p
       SET next_offset = next[i],
           anchor_offset = coalesce(anchor_offsets[i], p.anchor_offset),
           anchor_timestamp = CASE WHEN anchor_offsets[i] IS NULL THEN p.anchor_timestamp ELSE anchor_timestamps[i] END,
           anchor_crc = CASE WHEN anchor_offsets[i] IS NULL THEN p.anchor_crc ELSE anchor_crcs[i] END,
           applied = p.applied + applied_counts[i],
           folded = p.folded + folded_counts[i],
           skipped = p.skipped + skipped_counts[i],
           dead = p.dead + dead_counts[i],
           gaps = p.gaps + gap_counts[i],
           updated_at = clock_timestamp()
     WHERE p.pipeline = for_pipeline AND p.topic = topics[i] AND p.partition = partitions[i]
       AND p.next_offset = expected[i] AND p.epoch = epochs[i] AND p.owner = by_owner
       AND p.generation = generations[i] AND p.state = 'ok';
    IF NOT FOUND THEN
      SELECT * INTO found_row FROM :schema.pointer p
       WHERE p.pipeline = for_pipeline AND p.topic = topics[i] AND p.partition = partitions[i];
      RAISE EXCEPTION 'fenced: %/% expected at % under epoch %, generation %; found at % under epoch %, generation %, state %, owner on %',
        topics[i], partitions[i], expected[i], epochs[i], generations[i], found_row.next_offset, found_row.epoch,
        found_row.generation, found_row.state, found_row.owner_host USING ERRCODE = 'SL001';
    END IF;
  END LOOP;
END
$function$;
