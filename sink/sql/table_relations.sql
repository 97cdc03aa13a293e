-- One row for each object identifier of $1, in their order; without an oid where there is no such relation. $2 is Sluice's
-- own schema.
WITH RECURSIVE wanted AS MATERIALIZED (
  SELECT w.oid, w.position FROM unnest($1::oid[]) WITH ORDINALITY w (oid, position)
), reached (target, oid) AS (  -- what a write may touch: partitions, children, and what rules and views name
  SELECT oid, oid FROM wanted WHERE oid IS NOT NULL
  UNION
  SELECT r.target, onward.oid FROM reached r CROSS JOIN LATERAL (
    SELECT i.inhrelid AS oid FROM pg_catalog.pg_inherits i WHERE i.inhparent = r.oid
    UNION ALL
    SELECT d.refobjid FROM pg_catalog.pg_rewrite w
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
     AND d.refclassid = 'pg_catalog.pg_class'::regclass
    WHERE w.ev_class = r.oid) onward
), acting AS (
  SELECT r.target,
         bool_or(n.nspname = $2) AS own,
         bool_or(EXISTS (SELECT FROM pg_catalog.pg_constraint f WHERE f.contype = 'f' AND f.confrelid = r.oid)
                 -- of UPDATE (16) or DELETE (8): one write instead of two would be seen by them
                 OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = r.oid AND NOT t.tgisinternal
                            AND t.tgenabled <> 'D' AND t.tgtype & 24 <> 0)
                 OR EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = r.oid AND w.ev_type IN ('2', '4')))
           AS delete_acts
  FROM reached r JOIN pg_catalog.pg_class c ON c.oid = r.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  GROUP BY r.target
), types (target, oid) AS (  -- of the columns, and what these are made of: domains, arrays and composite types at any depth
  SELECT a.attrelid, a.atttypid FROM wanted w JOIN pg_catalog.pg_attribute a ON a.attrelid = w.oid AND a.attnum > 0
  UNION
  SELECT u.target, onward.oid FROM types u JOIN pg_catalog.pg_type t ON t.oid = u.oid CROSS JOIN LATERAL (
    SELECT t.typbasetype AS oid
    UNION ALL
    SELECT t.typelem WHERE t.typcategory = 'A'
    UNION ALL
    SELECT f.atttypid FROM pg_catalog.pg_attribute f WHERE f.attrelid = t.typrelid AND f.attnum > 0) onward
), composed AS (
  SELECT u.target, string_agg(concat_ws(':', t.oid, t.xmin,
           (SELECT string_agg(concat_ws(':', f.attnum, f.xmin), ',' ORDER BY f.attnum)
            FROM pg_catalog.pg_attribute f WHERE f.attrelid = t.typrelid AND f.attnum > 0)), '/' ORDER BY t.oid) AS rows
  FROM types u JOIN pg_catalog.pg_type t ON t.oid = u.oid
  GROUP BY u.target
)
SELECT c.oid, n.nspname AS schema, c.relname AS relation, c.relkind AS kind,
       has_table_privilege(c.oid, 'INSERT') AS may_insert, has_table_privilege(c.oid, 'UPDATE') AS may_update,
       has_table_privilege(c.oid, 'DELETE') AS may_delete, has_table_privilege(c.oid, 'TRUNCATE') AS may_truncate,
       has_table_privilege(c.oid, 'SELECT') AS may_select,
       acting.own, acting.delete_acts, rules.of_writes, rules.of_conflicts, c.relrowsecurity AS row_security,
       EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 64 <> 0) AS instead_of,
       pg_has_role(c.relowner, 'USAGE') AS owned,
       md5(concat_ws('/', c.oid, c.xmin,
         (SELECT string_agg(concat_ws(':', a.attnum, a.xmin), ',' ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0),
         (SELECT string_agg(concat_ws(':', i.indexrelid, i.xmin), ',' ORDER BY i.indexrelid)
          FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid),
         composed.rows, acting.delete_acts, rules.of_writes)) AS signature
FROM wanted
LEFT JOIN pg_catalog.pg_class c ON c.oid = wanted.oid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN acting ON acting.target = c.oid
LEFT JOIN composed ON composed.target = c.oid
LEFT JOIN LATERAL (
  SELECT count(*) > 0 AS of_writes, coalesce(bool_or(w.ev_type IN ('2', '3')), false) AS of_conflicts
  FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type <> '1') rules ON true
ORDER BY wanted.position
