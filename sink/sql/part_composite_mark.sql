-- What tells one description of the composite types in the columns of the relation c from another, at any depth of
-- arrays, domains and composite types; null where there are none. By the user's search path, so that every name has its
-- schema. Types below 16384 are PostgreSQL's own, and nobody alters them.
(WITH RECURSIVE types (oid) AS (
   SELECT a.atttypid FROM pg_catalog.pg_attribute a
   WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0
     AND a.atttypid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
   UNION
   SELECT onward.oid FROM types u JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) u.oid CROSS JOIN LATERAL (
     SELECT t.typbasetype AS oid
     UNION ALL
     SELECT t.typelem
     UNION ALL
     SELECT f.atttypid FROM pg_catalog.pg_attribute f
     WHERE f.attrelid OPERATOR(pg_catalog.=) t.typrelid AND f.attnum OPERATOR(pg_catalog.>) 0) onward
   WHERE onward.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
 )
 SELECT pg_catalog.string_agg(f.xmin::pg_catalog.text, ',' ORDER BY f.attrelid, f.attnum)
 FROM types u
 JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) u.oid AND t.typrelid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
 JOIN pg_catalog.pg_attribute f ON f.attrelid OPERATOR(pg_catalog.=) t.typrelid AND f.attnum OPERATOR(pg_catalog.>) 0)
