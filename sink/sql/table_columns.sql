-- The columns of tables and of composite types; a domain is followed to its base type, and its NOT NULL and DEFAULT count as the column's.
WITH RECURSIVE chain AS (
  SELECT a.attrelid, a.attnum, t.oid AS type, t.typtype, t.typbasetype, a.atttypmod AS modifier, t.typtypmod,
         a.attnotnull OR t.typnotnull AS not_null, a.atthasdef OR t.typdefault IS NOT NULL AS has_default
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT c.attrelid, c.attnum, t.oid, t.typtype, t.typbasetype, c.typtypmod, t.typtypmod, c.not_null OR t.typnotnull,
         c.has_default OR t.typdefault IS NOT NULL
  FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.typbasetype WHERE c.typtype = 'd'
)
SELECT c.attrelid AS relation, a.attnum AS number, a.attname AS name, format_type(c.type, -1) AS cast_name,
       format_type(a.atttypid, a.atttypmod) AS declared, c.type, element.oid IS NOT NULL AS is_array,
       coalesce(element.oid, 0) AS element, coalesce(element.typname, base.typname) AS type_name, c.modifier, c.not_null,
       c.has_default OR a.attidentity <> '' AS has_default, a.attgenerated <> '' AS generated,
       a.attidentity = 'a' AS identity_always,
       (SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
        FROM pg_catalog.pg_opclass f
        JOIN pg_catalog.pg_am m ON m.oid = f.opcmethod AND m.amname = 'btree'
        JOIN pg_catalog.pg_amop s ON s.amopfamily = f.opcfamily AND s.amoplefttype = f.opcintype
          AND s.amoprighttype = f.opcintype AND s.amopstrategy = 3
        JOIN pg_catalog.pg_operator o ON o.oid = s.amopopr
        JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
        WHERE f.opcintype = c.type AND f.opcdefault AND n.nspname <> 'pg_catalog') AS equals,
       base.typtype = 'e' AS enumeration, coalesce(element.typrelid, base.typrelid) AS composite,
       (SELECT format('%I.%I', n.nspname, k.collname)
        FROM pg_catalog.pg_collation k JOIN pg_catalog.pg_namespace n ON n.oid = k.collnamespace
        WHERE k.oid = a.attcollation AND k.oid <> of_column.typcollation) AS collation,
       (SELECT format('%I.%I', n.nspname, k.collname)
        FROM pg_catalog.pg_collation k JOIN pg_catalog.pg_namespace n ON n.oid = k.collnamespace
        WHERE NOT k.collisdeterministic
          AND (k.oid = a.attcollation
               OR k.oid IN (SELECT u.sorted_by FROM pg_catalog.pg_index i
                            CROSS JOIN unnest(i.indkey::int2[], i.indcollation::oid[]) u (attnum, sorted_by)
                            WHERE i.indrelid = a.attrelid AND i.indisunique AND u.attnum = a.attnum))
        ORDER BY k.oid = a.attcollation DESC, k.oid LIMIT 1) AS loose_collation
FROM chain c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.attrelid AND a.attnum = c.attnum
JOIN pg_catalog.pg_type of_column ON of_column.oid = a.atttypid
JOIN pg_catalog.pg_type base ON base.oid = c.type
LEFT JOIN pg_catalog.pg_type element ON element.oid = base.typelem AND base.typcategory = 'A' AND base.typlen = -1
WHERE c.typtype <> 'd'
ORDER BY c.attrelid, a.attnum
