-- The console's filter: a parameter that is null filters nothing.
pipeline = $1 AND ($2::bigint[] IS NULL OR id = ANY($2::bigint[])) AND ($3::text IS NULL OR topic = $3)
  AND ($4::text IS NULL OR table_name = $4) AND ($5::text IS NULL OR strpos(lower(reason), lower($5)) > 0)
  AND ($6::bigint IS NULL OR created_at >= to_timestamp($6::bigint / 1000.0))
  AND ($7::bigint IS NULL OR created_at < to_timestamp($7::bigint / 1000.0))
  AND ($8::boolean OR resolved_at IS NULL) AND (NOT $9::boolean OR attempts > 1)
  AND ($10::bigint IS NULL OR id <= $10::bigint)
