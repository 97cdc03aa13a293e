-- Rows that another transaction holds are left out, and the caller comes again. A topic's name has no comma.
UPDATE :schema.pointer p
SET state = 'topic_missing', state_reason = $2, updated_at = clock_timestamp()
FROM (SELECT o.topic, o.partition
      FROM :schema.pointer o
      WHERE o.pipeline = $1 AND o.topic = ANY (string_to_array($3, ',')) AND o.state = 'ok'
      FOR UPDATE SKIP LOCKED) free
WHERE p.pipeline = $1 AND p.topic = free.topic AND p.partition = free.partition
RETURNING p.topic, p.partition
