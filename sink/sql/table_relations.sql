-- One row for each object identifier, in their order; without an oid where there is no such relation.
SELECT c.oid, n.nspname AS schema, c.relname AS relation, c.relkind AS kind,
       has_table_privilege(c.oid, 'INSERT') AS may_insert, has_table_privilege(c.oid, 'UPDATE') AS may_update,
       has_table_privilege(c.oid, 'DELETE') AS may_delete, has_table_privilege(c.oid, 'TRUNCATE') AS may_truncate,
       has_table_privilege(c.oid, 'SELECT') AS may_select,
       md5(concat_ws('/', c.oid, c.xmin,
         (SELECT string_agg(concat_ws(':', a.attnum, a.xmin, t.xmin), ',' ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
          WHERE a.attrelid = c.oid AND a.attnum > 0),
         (SELECT string_agg(concat_ws(':', i.indexrelid, i.xmin), ',' ORDER BY i.indexrelid)
          FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid))) AS signature
FROM unnest($1::oid[]) WITH ORDINALITY wanted (oid, position)
LEFT JOIN pg_catalog.pg_class c ON c.oid = wanted.oid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY wanted.position
