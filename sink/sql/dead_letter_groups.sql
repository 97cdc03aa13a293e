-- Those that the filter has, by what they have in common ($11: reason, table or topic), the largest groups first. A number in a
-- reason that is not a part of a name differs from letter to letter, so it does not count. With the numbers of the oldest $13 of each.
SELECT count(*) AS letters, (extract(epoch FROM min(created_at)) * 1000)::bigint AS oldest_ms,
       (extract(epoch FROM max(created_at)) * 1000)::bigint AS newest_ms, max(id) AS example, (array_agg(id ORDER BY id))[1:$13::int] AS oldest, topic, table_name, sqlstate, reason,
       count(*) OVER () AS all_groups, (sum(count(*)) OVER ())::bigint AS all_letters
FROM (SELECT id, created_at, CASE $11::text WHEN 'topic' THEN topic ELSE '' END AS topic,
             CASE $11::text WHEN 'topic' THEN '' ELSE coalesce(table_name, '') END AS table_name,
             CASE $11::text WHEN 'reason' THEN coalesce(sqlstate, '') ELSE '' END AS sqlstate,
             CASE $11::text WHEN 'reason' THEN regexp_replace(reason, E'\\m[0-9]+([.][0-9]+)?\\M', '#', 'g') ELSE '' END AS reason
      FROM :schema.dead_letter WHERE :part dead_letter_filter ) one
GROUP BY topic, table_name, sqlstate, reason
ORDER BY letters DESC, example DESC
LIMIT $12::bigint
