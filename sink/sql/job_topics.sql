SELECT DISTINCT topic FROM :schema.pointer WHERE pipeline = $1
