SELECT id, kind, body FROM :schema.schema
WHERE registry = $1 AND (id = $2 OR starts_with(id, $2 || '/'))
ORDER BY length(id) > length($2), id COLLATE "C"
