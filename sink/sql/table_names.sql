-- The tables that the names stand for, under the search path of the role and the database: a name without a schema is
-- found by it. So nothing in here may be looked up by that path: every name has its schema.
SELECT pg_catalog.to_regclass(wanted.name)::pg_catalog.oid AS oid
FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY wanted (name, position)
ORDER BY wanted.position
