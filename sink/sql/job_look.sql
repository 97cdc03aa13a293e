-- The jobs ($2), whose definitions are $3 and that run every $4 seconds at most, and what is known of them. $5 and $6 are pairs
-- of a job and a topic that feeds its tables. `basis` changes with each commit that a run has to come after: a run that begins
-- now has seen it.
SELECT wanted.name, wanted.basis, j.name IS NOT NULL AS known, j.seen IS NOT DISTINCT FROM wanted.basis AS current,
       coalesce(j.ordered_at > coalesce(j.last_started, '-infinity'), false) AS ordered,
       ceil(extract(epoch FROM greatest(j.last_started + make_interval(secs => wanted.every), j.retry_at) - clock_timestamp())
            * 1000)::bigint AS wait_ms,
       EXISTS (SELECT FROM :schema.pause p
               WHERE p.pipeline = $1 AND p.target IN ('all', 'job ' || wanted.name)
                 AND (p.expires_at IS NULL OR p.expires_at > clock_timestamp())) AS paused,
       running.pid IS NOT NULL AS running,
       (extract(epoch FROM coalesce(running.since, j.last_started)) * 1000)::bigint AS started_ms,
       (extract(epoch FROM j.last_success) * 1000)::bigint AS success_ms,
       (extract(epoch FROM CASE WHEN running.pid IS NULL THEN j.last_finished ELSE clock_timestamp() END
                           - coalesce(running.since, j.last_started)) * 1000)::bigint AS took_ms,
       coalesce(j.runs, 0) AS runs, coalesce(j.failures, 0) AS failures, coalesce(j.failed_in_a_row, 0) AS failed_in_a_row,
       coalesce(j.last_error, '') AS error, coalesce(j.last_detail, '') AS detail, coalesce(j.instance, '') AS instance
FROM (SELECT w.place, w.name, w.every, hashtextextended('sluice job :schema ' || $1 || ' ' || w.name, 0) AS lock,
             md5(concat_ws(' ', w.definition, known.touched,
                           (SELECT string_agg(concat_ws('/', p.topic, p.partition, p.generation, p.start_offset, p.applied), ' '
                                              ORDER BY p.topic, p.partition)
                            FROM unnest($5::text[], $6::text[]) AS feeds (job, topic)
                            JOIN :schema.pointer p ON p.pipeline = $1 AND p.topic = feeds.topic
                            WHERE feeds.job = w.name))) AS basis
      FROM unnest($2::text[], $3::text[], $4::double precision[]) WITH ORDINALITY AS w (name, definition, every, place)
      LEFT JOIN :schema.job known ON known.pipeline = $1 AND known.name = w.name) wanted
LEFT JOIN :schema.job j ON j.pipeline = $1 AND j.name = wanted.name
LEFT JOIN LATERAL (SELECT l.pid, a.xact_start AS since FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
                   WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
                     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                     AND l.classid::bigint = (wanted.lock >> 32) & 4294967295 AND l.objid::bigint = wanted.lock & 4294967295
                   LIMIT 1) running ON true
ORDER BY wanted.place
