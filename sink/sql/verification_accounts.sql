-- Every pointer of the pipeline with the letters of the offsets that it has passed, in one snapshot. Resolved letters may be
-- gone only where the schema is older than they are kept, $3 seconds; 0 keeps them.
SELECT :part pointer_row
       , l.letters, l.open_letters,
       $3::double precision > 0 AND (SELECT min(applied_at) FROM :schema.schema_version)
         < clock_timestamp() - make_interval(secs => $3::double precision) AS letters_may_be_gone
FROM :schema.pointer p CROSS JOIN LATERAL (
  SELECT count(*) AS letters, count(*) FILTER (WHERE d.resolved_at IS NULL) AS open_letters
  FROM :schema.dead_letter d
  WHERE d.pipeline = p.pipeline AND d.topic = p.topic AND d.partition = p.partition AND d.generation = p.generation
    AND d.record_offset >= p.start_offset AND d.record_offset < p.next_offset) l
WHERE p.pipeline = $1 ORDER BY topic, partition
