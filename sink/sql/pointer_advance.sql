SELECT :schema.advance($1::text, $2::uuid, $3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::bigint[], $8::int[],
  $9::bigint[], $10::timestamptz[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[])
