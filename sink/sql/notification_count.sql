SELECT hook, count(*) AS rows FROM :schema.notification WHERE pipeline = $1 AND hook <> '' GROUP BY hook
