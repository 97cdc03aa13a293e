-- Results of one proof. What was not proved repeats the last row's place in the same generation of the log, but never one
-- beyond the pointer ($5). All rows of a proof have the same time.
INSERT INTO :schema.verification (at, pipeline, topic, partition, verified_through, result, detail)
SELECT statement_timestamp(), $1, s.topic, s.partition,
       coalesce(s.through, (SELECT least(s.next, v.verified_through) FROM :schema.verification v
                            WHERE v.pipeline = $1 AND v.topic = s.topic AND v.partition = s.partition
                              AND v.verified_through IS NOT NULL  -- least() passes over NULL
                              AND v.detail -> 'generation' IS NOT DISTINCT FROM
                                  coalesce(s.detail::jsonb -> 'generation', v.detail -> 'generation')
                            ORDER BY v.id DESC LIMIT 1)),
       s.result, s.detail::jsonb
FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::text[], $7::text[])
  AS s (topic, partition, through, next, result, detail)
RETURNING topic, partition, verified_through
