"""E: tables, their columns and names; which topic goes where."""
from support.conformance import Record, case, change, keyed, refused, typed, values, wrapped, wrapped_change

TABLE = "CREATE TABLE t (id int PRIMARY KEY, name text)"
ROW = {"id": 1, "name": "a"}

test_E01_a_missing_table_is_waited_for_and_not_made = case(
    "SELECT 1", keyed((b"1", change("c", ROW)), (b"1", change("u", ROW, ROW)), (b"1", change("d", None, ROW))),
    query={"SELECT to_regclass('t')": [r"\N"]}, state=("schema", "does not exist", 0))

test_E01b_a_missing_table_that_the_event_names_is_its_letter = case(
    "SELECT 1", values(change("c", ROW, schema="{schema}")), table="{schema}.{source.table}",
    query={"SELECT to_regclass('t')": [r"\N"]}, letters={0: ("map", "42P01", "does not exist")})

EVOLVES = {"evolve": "tables"}
NAMED = {"id": typed("int32", optional=False), "name": "string"}
MADE = {"SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0": [
    "id|integer|t", "name|text|f"]}

test_E03_a_missing_table_is_made_by_a_create = case(
    "SELECT 1", values(wrapped_change(NAMED, "c", ROW)), **EVOLVES, rows=["1|a"], query=MADE)

test_E03b_a_missing_table_is_made_by_an_update = case(
    "SELECT 1", values(wrapped_change(NAMED, "u", ROW, ROW)), **EVOLVES, rows=["1|a"], query=MADE)

test_E03c_a_missing_table_is_made_by_a_delete = case(
    "SELECT 1", values(wrapped_change(NAMED, "d", None, ROW)), **EVOLVES, rows=[], query=MADE)

test_E05_a_column_that_is_gone_from_the_events_stays = case(
    "SELECT 1", values({"id": 1, "name": "a", "nick": "n"}, {"id": 2}), **EVOLVES,
    query={"SELECT id, name, nick FROM t": ["1|a|n", r"2|\N|\N"]})

test_E07_a_null_that_the_schema_allows_stays_null = case(
    "CREATE TABLE t (id int PRIMARY KEY, name text DEFAULT 'table')",
    values(wrapped({"id": typed("int32", optional=False), "name": typed("string", default="schema")}, {"id": 1, "name": None})),
    rows=[r"1|\N"])

DEFAULTED = {"id": typed("int32", optional=False), "a": typed("int32", optional=False, default=2), "b": typed("int64", default=2048),
             "c": typed("double", default=2.34), "d": typed("string", default="it's"), "e": typed("boolean", default=True)}

test_E08_what_is_missing_takes_the_default_of_the_schema = case(
    "CREATE TABLE t (id int PRIMARY KEY, a int, b bigint, c float8, d text, e boolean DEFAULT false)",
    values(wrapped(DEFAULTED, {"id": 1}), wrapped(DEFAULTED, {"id": 2, "a": None, "b": None, "c": None, "d": None, "e": None})),
    rows=["1|2|2048|2.34|it's|t", r"2|2|\N|\N|\N|\N"])

test_E08b_defaults_of_logical_types = case(
    "CREATE TABLE t (id int PRIMARY KEY, d date, ts timestamp, n numeric, b bytea)",
    values(wrapped({"id": "int32", "d": typed("int32", "io.debezium.time.Date", default=19000),
                    "ts": typed("int64", "io.debezium.time.MicroTimestamp", default=1000000),
                    "n": typed("bytes", "org.apache.kafka.connect.data.Decimal", default="BNI=", parameters={"scale": "2"}),
                    "b": typed("bytes", default="AQI=")}, {"id": 1})),
    rows=[r"1|2022-01-08|1970-01-01 00:00:01|12.34|\\x0102"])

test_E08c_a_default_is_no_value_of_a_row_that_an_update_leaves_out = case(
    TABLE + "; INSERT INTO t VALUES (1, 'kept')",
    values(wrapped_change({"id": "int32", "name": typed("string", default="d")}, "u", {"id": 1, "name": "__debezium_unavailable_value"},
                          {"id": 1})), rows=["1|kept"])

test_E10_an_unknown_field_is_refused_and_no_column_made = case(
    TABLE, values(ROW, {"id": 2, "name": "b", "more": 1}), rows=["1|a"], letters={1: ("map", "42703", "more")})

test_E11_no_table_is_made = case("SELECT 1", values(ROW), query={"SELECT to_regclass('t')": [r"\N"]}, state=("schema", "does not exist", 0))

test_E13_a_topic_with_capitals_names_a_table_with_capitals = case(
    'CREATE TABLE "conformance.E13" (id int PRIMARY KEY, name text); CREATE TABLE "conformance.e13" (id int PRIMARY KEY)',
    values(ROW), table="{schema}.{topic}",
    query={'SELECT * FROM "conformance.E13"': ["1|a"], 'SELECT * FROM "conformance.e13"': []})

test_E13b_a_placeholder_never_adds_a_dot = case(
    'CREATE TABLE "a.b" (id int PRIMARY KEY, name text)', values(change("c", ROW, table="a.b")), table="{schema}.{source.table}",
    query={'SELECT * FROM "a.b"': ["1|a"]})

test_E14_columns_with_capitals = case(
    'CREATE TABLE t ("ID" int PRIMARY KEY, "NAME" text, name text)',
    values({"ID": 1, "NAME": "big", "name": "small"}, {"ID": 2, "NAME": "big"}), key=["ID"], rows=["1|big|small", r"2|big|\N"])

test_E14b_names_are_compared_letter_by_letter = case(
    'CREATE TABLE t (id int PRIMARY KEY, "Name" text)', values({"id": 1, "Name": "a"}, {"id": 2, "NAME": "b"}), rows=["1|a"],
    letters={1: ("map", "42703", "NAME")})

PARTED = """CREATE TABLE t (city int NOT NULL, at date NOT NULL, v int, PRIMARY KEY (city, at)) PARTITION BY RANGE (at);
            CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
            CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')"""

test_E15_rows_land_in_their_partition = case(
    PARTED, values({"city": 1, "at": "2020-05-01", "v": 4}, {"city": 1, "at": "2021-05-01", "v": 5}, {"city": 1, "at": "2020-05-01", "v": 6}),
    key=["city", "at"], query={"SELECT * FROM t1": ["1|2020-05-01|6"], "SELECT * FROM t2": ["1|2021-05-01|5"]})

test_E15b_a_row_that_no_partition_takes_is_a_letter = case(
    PARTED, values({"city": 1, "at": "2020-05-01", "v": 4}, {"city": 1, "at": "2025-05-01", "v": 5}, {"city": 2, "at": "2020-05-01", "v": 6}),
    key=["city", "at"], rows=["1|2020-05-01|4", "2|2020-05-01|6"], letters={1: ("write", "23514", "no partition")})

test_E15c_a_changed_key_moves_a_row_to_another_partition = case(
    PARTED, values(change("c", {"city": 1, "at": "2020-05-01", "v": 4}),
                   change("u", {"city": 1, "at": "2021-05-01", "v": 4}, {"city": 1, "at": "2020-05-01", "v": 4})),
    key=["city", "at"], query={"SELECT * FROM t1": [], "SELECT * FROM t2": ["1|2021-05-01|4"]})

test_E15d_truncate_and_delete_of_a_partitioned_table = case(
    PARTED, values(change("c", {"city": 1, "at": "2020-05-01", "v": 4}), change("t"), change("c", {"city": 2, "at": "2020-05-01", "v": 4}),
                   change("c", {"city": 3, "at": "2021-05-01", "v": 4}), change("d", None, {"city": 3, "at": "2021-05-01"})),
    key=["city", "at"], truncate="apply", rows=["2|2020-05-01|4"])

VIEW = """CREATE TABLE base (first text, last text, more text DEFAULT 'd'); CREATE VIEW t AS SELECT first, last FROM base"""

test_E16_a_view_is_written_through = case(
    VIEW, values({"first": "Christina", "last": "Brams"}, {"first": "Cher"}), mode="insert", key=[],
    rows=["Christina|Brams", r"Cher|\N"], query={"SELECT more FROM base": ["d", "d"]})

test_E16b_a_view_with_a_check_refuses_one_row = case(
    "CREATE TABLE base (n int); CREATE VIEW t AS SELECT n FROM base WHERE n > 0 WITH CHECK OPTION",
    values({"n": 1}, {"n": -1}, {"n": 2}), mode="insert", key=[], rows=["1", "2"], letters={1: ("write", "44000", "check option")})

test_E20_plain_text_is_no_row = case(
    TABLE, keyed((b"1", b"text"), (b"2", b'"text"'), (b"3", b"12"), (b"4", b"[1]"), (b"5", b""), (b"6", ROW | {"id": 6})), rows=["6|a"],
    letters={0: ("decode", "22032", "value"), 1: ("decode", "22032", "value"), 2: ("decode", "22032", "value"),
             3: ("decode", "22032", "value"), 4: ("decode", "22032", "value")})

test_E21_a_key_column_that_the_table_lacks_is_waited_for = case(
    TABLE, values(ROW), key=["id", "date"], rows=[], state=("schema", "date", 0))

test_E21b_a_key_without_a_unique_index_is_waited_for = case(
    "CREATE TABLE t (id int PRIMARY KEY, name text)", values(ROW), key=["name"], rows=[], state=("schema", "no unique index", 0))

test_E21c_a_key_that_is_part_of_the_primary_key_is_waited_for = case(
    "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))", values({"a": 1, "b": 1}), key=["a"], rows=[], state=("schema", "no unique index", 0))

test_E21d_a_unique_index_of_some_rows_is_none = case(
    "CREATE TABLE t (id int, name text); CREATE UNIQUE INDEX ON t (id) WHERE name IS NOT NULL", values(ROW), rows=[],
    state=("schema", "no unique index", 0))

test_E21f_a_key_column_that_the_server_generates_is_waited_for = case(
    "CREATE TABLE t (a int, id int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY)", values({"a": 1, "id": 2}),
    rows=[], state=("schema", "is generated", 0))
test_E21e_the_key_is_a_unique_index_and_not_the_primary_key = case(
    "CREATE TABLE t (id serial PRIMARY KEY, code text NOT NULL UNIQUE, v int)",
    values({"code": "a", "v": 1}, {"code": "b", "v": 1}, {"code": "a", "v": 2}), key=["code"],
    query={"SELECT code, v FROM t": ["a|2", "b|1"]})

test_E22_a_field_that_no_column_has_is_named = case(
    TABLE, values({"id": 1, "nmae": "a"}), rows=[], letters={0: ("map", "42703", "nmae")})

test_E23_columns_come_in_any_order = case(
    "CREATE TABLE t (c text, a int, id int PRIMARY KEY, b boolean)",
    values({"a": 1, "b": True, "c": "x", "id": 1}, {"id": 2, "c": "y", "b": False, "a": 2}), rows=["x|1|1|t", "y|2|2|f"])

test_E23b_dropped_columns_leave_no_hole = case(
    "CREATE TABLE t (x int, id int, y int, name text, z int); ALTER TABLE t DROP COLUMN x; ALTER TABLE t DROP COLUMN y;"
    "ALTER TABLE t ADD PRIMARY KEY (id)", values({"id": 1, "name": "a", "z": 3}), rows=["1|a|3"])

DRIFTED = wrapped({"id": "int32", "a": "double", "more": "string"}, {"id": 1, "a": 1.5, "more": "x"})

test_E24_a_schema_that_drifts_adds_widens_and_relaxes_once = case(
    "CREATE TABLE t (id int PRIMARY KEY, a int, must text NOT NULL)", values(DRIFTED, DRIFTED), evolve="columns",
    rows=[r"1|1.5|\N|x"], query={
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0": [
            "id|integer|t", "a|double precision|f", "must|text|f", "more|text|f"]})

test_E25_only_the_columns_of_the_named_schema_count = case(
    'CREATE TABLE t (id int PRIMARY KEY, name text); CREATE SCHEMA IF NOT EXISTS "{schema}_x"; '
    'CREATE TABLE "{schema}_x".t (id int PRIMARY KEY, other text)',
    values(ROW, {"id": 2, "other": "x"}), rows=["1|a"], letters={1: ("map", "42703", "other")})

PERSON = {"id": 1, "name": "a", "email": "a@b", "age": 7}
PEOPLE = "CREATE TABLE t (id int PRIMARY KEY, name text, email text, age int)"

test_E18_an_excluded_field_is_no_column = case(
    PEOPLE, values(PERSON), **{"columns.exclude": ["name"]}, rows=[r"1|\N|a@b|7"])

test_E18b_a_field_has_its_column_under_another_name = case(
    PEOPLE, values({"Id": 1, "Name": "a"}), **{"columns.rename": {"Id": "id", "Name": "name"}}, rows=[r"1|a|\N|\N"])

test_E18c_columns_hold_facts_of_the_record = case(
    "CREATE TABLE t (id int PRIMARY KEY, name text, _offset bigint, _op text, _at timestamptz, tenant text)",
    [Record(None, {"id": 1, "name": "a"}, {"tenant": b"t1"}, at=1709210096789), Record(None, {"id": 2}, at=1709210096789)],
    **{"columns.add": {"_offset": "@offset", "_op": "@op", "_at": "@timestamp", "tenant": "header:tenant"}},
    query={"SELECT id, name, _offset, _at, tenant FROM t": [
        "1|a|0|2024-02-29 12:34:56.789+00|t1", r"2|\N|1|2024-02-29 12:34:56.789+00|\N"]})

test_E19_only_included_fields_are_columns = case(
    PEOPLE, values(PERSON), **{"columns.include": ["id", "name"]}, rows=[r"1|a|\N|\N"])

test_E26_an_unknown_field_is_left_out_where_the_route_says_so = case(
    TABLE, values({"id": 1, "name": "a", "more": {"deep": 1}, "x": [1]}), unknown_fields="ignore", rows=["1|a"])

test_E26b_the_record_key_may_have_fields_that_the_table_lacks = case(
    TABLE, keyed(({"id": 1, "region": "eu"}, ROW)), rows=["1|a"])

test_E27_a_column_that_is_missing_takes_its_default = case(
    "CREATE TABLE t (id int PRIMARY KEY, name text DEFAULT 'd', at timestamptz DEFAULT '2000-01-01 00:00:00+00', n int NOT NULL DEFAULT 7)",
    values({"id": 1}, {"id": 2, "name": None, "n": 8}), rows=["1|d|2000-01-01 00:00:00+00|7", r"2|\N|2000-01-01 00:00:00+00|8"])

LONG = "n" * 63
UMLAUTS = "ü" * 31

test_E30_hostile_names_of_columns = case(
    f'CREATE TABLE t ("select" int PRIMARY KEY, "a b" int, "quo""te" int, "a.b" int, "{LONG}" int, "{UMLAUTS}" int, "Ünïcode" int, '
    f'"excluded" int, "target" int, "source" int, "s0" int, "c0" int, "$1" int, "back\\slash" int, "it\'s" int, "100%" int, "{{x}}" int)',
    values({"select": 1, "a b": 2, 'quo"te': 3, "a.b": 4, LONG: 5, UMLAUTS: 6, "Ünïcode": 7, "excluded": 8, "target": 9, "source": 10,
            "s0": 11, "c0": 12, "$1": 13, "back\\slash": 14, "it's": 15, "100%": 16, "{x}": 17}, {"select": 1, "a b": 20},
           {"select": 2, "it's": 1}), key=["select"],
    query={"SELECT * FROM t WHERE \"select\" = 1": ["1|20|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17"], "SELECT count(*) FROM t": ["2"]})

test_E30b_hostile_names_of_key_columns = case(
    'CREATE TABLE t ("order" int, "quo""te" text, "Ü" int, v int, PRIMARY KEY ("order", "quo""te", "Ü"))',
    values(change("c", {"order": 1, 'quo"te': "x", "Ü": 1, "v": 1}), change("c", {"order": 2, 'quo"te': "x", "Ü": 1, "v": 1}),
           change("d", None, {"order": 1, 'quo"te': "x", "Ü": 1}), change("u", {"order": 2, 'quo"te': "x", "Ü": 1, "v": 2})),
    key=["order", 'quo"te', "Ü"], rows=["2|x|1|2"])

test_E30c_a_table_with_a_hostile_name = case(
    'CREATE TABLE "Sel""ect; --" (id int PRIMARY KEY, name text)', values(ROW, {"id": 2}, {"id": 1, "name": "b"}),
    table='{schema}.Sel"ect; --', query={'SELECT * FROM "Sel""ect; --"': ["1|b", r"2|\N"]})

test_E30d_tables_with_names_that_statements_use = case(
    "CREATE TABLE excluded (id int PRIMARY KEY, excluded int, target int)", keyed((b"1", {"excluded": 1}), (b"1", {"target": 2}), (b"2", None)),
    table="{schema}.excluded", query={"SELECT * FROM excluded": ["1|1|2"]})

test_E30e_a_table_name_of_63_bytes = case(
    f'CREATE TABLE "{LONG}" (id int PRIMARY KEY, name text)', values(ROW), table="{schema}." + LONG, query={f'SELECT * FROM "{LONG}"': ["1|a"]})

test_E30f_a_table_name_of_64_bytes_is_refused = refused(
    "route.table", {"table": "public." + "n" * 64, "key": ["id"]})

test_E30g_a_key_column_of_64_bytes_is_refused = refused("route.key", {"key": ["n" * 64]})

test_E30h_a_field_of_64_bytes_is_not_the_column_of_63 = case(
    f'CREATE TABLE t (id int PRIMARY KEY, "{LONG}" int)', values({"id": 1, LONG: 1}, {"id": 2, LONG + "n": 1}), rows=["1|1"],
    letters={1: ("map", "42703", "no column")})

test_E30i_names_that_json_escapes = case(
    'CREATE TABLE t (id int PRIMARY KEY, "naïve" int, "tab\tname" int)',
    [Record(None, b'{"\\u0069d": 1, "na\\u00efve": 2, "tab\\tname": 3}')], rows=["1|2|3"])

test_E31_a_table_of_1600_columns = case(
    "DO $$ BEGIN EXECUTE 'CREATE TABLE t (id int PRIMARY KEY, ' || (SELECT string_agg('c' || n || ' boolean', ',') "
    "FROM generate_series(1, 1599) n) || ')'; END $$",
    values(*[{"id": n, **{f"c{i}": bool((i + n) % 2) for i in range(1, 1600)}} for n in range(20)]),
    query={"SELECT count(*), count(*) FILTER (WHERE c1599), count(*) FILTER (WHERE c1598) FROM t": ["20|10|10"]}, cuts=("whole",))

test_E32_a_row_that_is_too_large_is_a_letter = case(
    "DO $$ BEGIN EXECUTE 'CREATE TABLE t (id int PRIMARY KEY, ' || (SELECT string_agg('c' || n || ' text', ',') "
    "FROM generate_series(1, 1500) n) || ')'; END $$",
    values({"id": 1, "c1": "x"}, {"id": 2, **{f"c{i}": "some text of sixteen"[:16] for i in range(1, 1501)}}, {"id": 3, "c1": "x"}),
    query={"SELECT id FROM t": ["1", "3"]}, letters={1: ("write", "54000", "")}, cuts=("whole",))
