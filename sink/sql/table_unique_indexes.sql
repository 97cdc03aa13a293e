-- The sets of columns for which ON CONFLICT finds an arbiter.
SELECT i.indrelid AS relation,
       (SELECT string_agg(k::text, ',' ORDER BY k) FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) k) AS columns,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS null_keys  -- since PostgreSQL 15
FROM pg_catalog.pg_index i
WHERE i.indrelid = ANY($1::oid[]) AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
  AND i.indexprs IS NULL
