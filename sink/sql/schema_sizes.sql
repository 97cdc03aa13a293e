-- Sluice's own tables with their indexes and long values; every pipeline of the schema shares them.
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE $1::text IS NOT NULL AND n.nspname = $2::text AND c.relkind IN ('r', 'p')
ORDER BY c.relname
