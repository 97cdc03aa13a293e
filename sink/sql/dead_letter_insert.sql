-- The pointer keeps a record from being stored twice; only after an operator has moved it back does one meet its old letter.
INSERT INTO :schema.dead_letter AS d (pipeline, topic, partition, record_offset, generation, record_timestamp, key, value,
  headers, stage, table_name, sqlstate, reason, detail)
SELECT $1::text, unnest($2::text[]), unnest($3::int[]), unnest($4::bigint[]), unnest($5::int[]), unnest($6::timestamptz[]),
  unnest($7::bytea[]), unnest($8::bytea[]), unnest($9::jsonb[]), unnest($10::text[]), unnest($11::text[]),
  unnest($12::text[]), unnest($13::text[]), unnest($14::text[])
ON CONFLICT (pipeline, topic, partition, record_offset, generation) DO UPDATE
  SET stage = excluded.stage, table_name = excluded.table_name, sqlstate = excluded.sqlstate, reason = excluded.reason,
      detail = excluded.detail, attempts = d.attempts + 1, resolved_at = NULL, resolution = NULL, told = false
