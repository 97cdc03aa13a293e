-- What tells one description of the relation c from another, as cheaply as it can be asked for by each transaction. By
-- the user's search path, so that every name has its schema. Nothing in it changes with a TRUNCATE or a VACUUM.
pg_catalog.concat_ws('/', c.relname, c.relkind, c.relhasrules, c.relrowsecurity,
         (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid OPERATOR(pg_catalog.=) c.relnamespace),
         (SELECT pg_catalog.string_agg(a.xmin::pg_catalog.text, ',' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
          WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0),
         (SELECT pg_catalog.string_agg(t.xmin::pg_catalog.text, ',' ORDER BY t.oid) FROM pg_catalog.pg_trigger t
          WHERE t.tgrelid OPERATOR(pg_catalog.=) c.oid),
         (SELECT pg_catalog.string_agg(w.xmin::pg_catalog.text, ',' ORDER BY w.oid) FROM pg_catalog.pg_rewrite w
          WHERE w.ev_class OPERATOR(pg_catalog.=) c.oid))
