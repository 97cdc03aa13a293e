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
), links AS MATERIALIZED (  -- foreign keys; a partition is one with the root of its tree
  SELECT coalesce(pg_partition_root(f.conrelid)::oid, f.conrelid) AS child,
         coalesce(pg_partition_root(f.confrelid)::oid, f.confrelid) AS parent, f.condeferrable, f.condeferred, f.confdeltype
  FROM pg_catalog.pg_constraint f WHERE f.contype = 'f'
), trees (target, tree) AS (
  SELECT DISTINCT r.target, coalesce(pg_partition_root(r.oid)::oid, r.oid)
  FROM reached r JOIN pg_catalog.pg_class c ON c.oid = r.oid AND c.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_class own ON own.oid = r.target
  WHERE r.oid = r.target OR own.relkind NOT IN ('r', 'p')
), ancestors (target, tree, foreign_key) AS (  -- by what is checked at once: what is deferrable is left to COMMIT
  SELECT t.target, t.tree, false FROM trees t
  UNION
  SELECT n.target, l.parent, true FROM ancestors n
  JOIN links l ON l.child = n.tree AND l.parent <> l.child AND NOT l.condeferrable
), changed_by_deletes (target, tree, deleted) AS (
  SELECT t.target, t.tree, true FROM trees t
  UNION
  SELECT d.target, l.child, l.confdeltype = 'c' FROM changed_by_deletes d
  JOIN links l ON d.deleted AND l.parent = d.tree AND l.confdeltype IN ('c', 'n', 'd')
), linked AS (
  SELECT t.target,
         (SELECT count(DISTINCT n.tree) FROM ancestors n WHERE n.target = t.target) AS depth,
         count(*) = 1  -- and not a view of several
         AND EXISTS (SELECT FROM ancestors n WHERE n.target = t.target AND n.foreign_key
                 AND n.tree IN (SELECT own.tree FROM trees own WHERE own.target = t.target)) AS circular,
         EXISTS (SELECT FROM links l JOIN trees own ON own.target = t.target AND own.tree = l.child
                 WHERE l.parent = l.child) AS refers_to_itself,
         EXISTS (SELECT FROM links l JOIN trees own ON own.target = t.target AND own.tree IN (l.child, l.parent)
                 WHERE l.condeferrable AND NOT l.condeferred)
         OR EXISTS (SELECT FROM pg_catalog.pg_constraint u JOIN reached r ON r.target = t.target AND u.conrelid = r.oid
                    WHERE u.contype IN ('u', 'x', 'p') AND u.condeferrable AND NOT u.condeferred) AS deferrable,
         (SELECT string_agg(DISTINCT d.tree::text, ',' ORDER BY d.tree::text) FROM changed_by_deletes d
          JOIN links l ON l.child = d.tree AND l.confdeltype IN ('c', 'n', 'd')
          WHERE d.target = t.target
            AND EXISTS (SELECT FROM changed_by_deletes p WHERE p.target = t.target AND p.deleted AND p.tree = l.parent))
           AS delete_changes
  FROM trees t GROUP BY t.target
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
       has_table_privilege(c.oid, 'SELECT') AS may_select, current_user AS role,
       coalesce(pg_partition_root(c.oid)::oid, c.oid) AS tree, coalesce(linked.depth, 0) AS depth, coalesce(linked.circular, false) AS circular,
       coalesce(linked.refers_to_itself, false) AS refers_to_itself, coalesce(linked.deferrable, false) AS deferrable,
       coalesce(linked.delete_changes, '') AS delete_changes,
       (SELECT count(*) FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion))
         AS unique_indexes,
       acting.own, acting.delete_acts, rules.of_writes, rules.of_conflicts, c.relrowsecurity AS row_security,
       EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 64 <> 0) AS instead_of,
       pg_has_role(c.relowner, 'USAGE') AS owned,
       concat(md5(concat_ws('/', c.oid, c.xmin,
         (SELECT string_agg(concat_ws(':', i.indexrelid, i.xmin), ',' ORDER BY i.indexrelid)
          FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid),
         composed.rows, acting.delete_acts, rules.of_writes, linked.depth, linked.circular,
         linked.refers_to_itself, linked.deferrable, linked.delete_changes)), md5(:part table_mark ), md5(:part composite_mark )) AS signature
FROM wanted
LEFT JOIN pg_catalog.pg_class c ON c.oid = wanted.oid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN acting ON acting.target = c.oid
LEFT JOIN linked ON linked.target = c.oid
LEFT JOIN composed ON composed.target = c.oid
LEFT JOIN LATERAL (
  SELECT count(*) > 0 AS of_writes, coalesce(bool_or(w.ev_type IN ('2', '3')), false) AS of_conflicts
  FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type <> '1') rules ON true
ORDER BY wanted.position
