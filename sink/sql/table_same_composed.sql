-- As table_same, of tables some of which have composite types: a mark that is longer than one md5 tells of these, too. A
-- statement of its own, as this one costs the others half a millisecond in each transaction.
SELECT CASE
         WHEN coalesce((SELECT pg_catalog.concat(pg_catalog.md5(:part table_mark ),
                               CASE WHEN pg_catalog.length(described.mark) OPERATOR(pg_catalog.>) 32
                                    THEN pg_catalog.md5(:part composite_mark ) END)
                        FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) described.oid::pg_catalog.oid)
                       OPERATOR(pg_catalog.=) described.mark, false)
         THEN 0
         ELSE CAST(pg_catalog.concat('table ', described.oid, ' was altered') AS pg_catalog.int4) END
FROM ROWS FROM (pg_catalog.unnest((SELECT $1::pg_catalog.int4[])),
               pg_catalog.unnest((SELECT $2::pg_catalog.text[]))) described (oid, mark)
