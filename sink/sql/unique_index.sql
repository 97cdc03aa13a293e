-- Whether ON CONFLICT finds an arbiter for exactly these columns.
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_index i
  WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
    AND i.indexprs IS NULL
    AND (SELECT array_agg(k ORDER BY k) FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) k)
      = (SELECT array_agg(k ORDER BY k) FROM unnest($2::int2[]) k))
