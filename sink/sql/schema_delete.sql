DELETE FROM :schema.schema
WHERE registry = $1 AND starts_with(id, $2 || '/') AND id <> ALL ($3::text[])
