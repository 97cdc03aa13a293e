-- Fails if one of the tables $1 is not as described any more, which the second half of its signature, $2, tells: by a cast
-- of what is wrong, so that it needs no function, and a data error has the lane look at its descriptions. By the user's
-- search path, so that every name has its schema. The arrays are sub-queries, whose length the planner does not know: if it
-- did, a plan for the few tables of one transaction would look cheaper than the lasting one, and be made each time.
SELECT CASE
         WHEN coalesce((SELECT pg_catalog.md5(:part table_mark )
                        FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) described.oid::pg_catalog.oid)
                       OPERATOR(pg_catalog.=) described.mark, false)
         THEN 0
         ELSE CAST(pg_catalog.concat('table ', described.oid, ' was altered') AS pg_catalog.int4) END
FROM ROWS FROM (pg_catalog.unnest((SELECT $1::pg_catalog.int4[])),
               pg_catalog.unnest((SELECT $2::pg_catalog.text[]))) described (oid, mark)
