"""G: records that cannot be applied."""
from support.conformance import Record, case, keyed, values

PEOPLE = "CREATE TABLE t (first text PRIMARY KEY, last text)"
NUMBERS = "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL CHECK (n < 100))"


def numbers(*pairs):
    return values(*[{"id": number, "n": n} for number, n in pairs])


BAD = ("write", "23514", "check constraint")

test_G01_insert_refuses_the_second_row_of_a_key = case(
    PEOPLE, values({"first": "Christina", "last": "Brams"}, {"first": "Christina", "last": "Brams"}, {"first": "Brams", "last": "Christina"}),
    mode="insert", key=["first"], rows=["Christina|Brams", "Brams|Christina"], letters={1: ("write", "23505", "duplicate key")},
    counts={"applied": 2, "dead": 1})

test_G01b_insert_refuses_what_is_in_the_table = case(
    PEOPLE + "; INSERT INTO t VALUES ('a', 'old')", values({"first": "a", "last": "new"}, {"first": "b", "last": "new"}),
    mode="insert", key=["first"], rows=["a|old", "b|new"], letters={0: ("write", "23505", "duplicate key")})

test_G02_a_field_that_the_table_lacks = case(
    PEOPLE, values({"first": "a", "last": "b", "age": 1}), key=["first"], rows=[], letters={0: ("map", "42703", "age")})

test_G03_good_and_bad_in_turn = case(
    NUMBERS, values(*[{"id": n, "n": 1, **({"extra": 1} if n % 2 else {})} for n in range(6)]), rows=["0|1", "2|1", "4|1"],
    letters={n: ("map", "42703", "extra") for n in (1, 3, 5)})

test_G03b_good_and_refused_by_the_server_in_turn = case(
    NUMBERS, numbers((0, 1), (1, 100), (2, 1), (3, 100), (4, 1), (5, 100)), rows=["0|1", "2|1", "4|1"], letters={n: BAD for n in (1, 3, 5)})

test_G04_one_in_the_middle = case(
    NUMBERS, numbers((0, 0), (1, 1), (2, 200), (3, 3), (4, 4)), rows=["0|0", "1|1", "3|3", "4|4"], letters={2: BAD})
test_G04b_all_of_them = case(NUMBERS, numbers(*[(n, 200) for n in range(5)]), rows=[], letters={n: BAD for n in range(5)})
test_G04c_the_only_one = case(NUMBERS, numbers((1, 200)), rows=[], letters={0: BAD})
test_G04d_the_first_and_the_last = case(
    NUMBERS, numbers((0, 200), (1, 1), (2, 2), (3, 200)), rows=["1|1", "2|2"], letters={0: BAD, 3: BAD})

test_G05_a_unique_violation_and_then_a_good_record = case(
    NUMBERS, numbers((1, 1), (1, 2), (2, 3)), mode="insert", rows=["1|1", "2|3"], letters={1: ("write", "23505", "duplicate key")})

test_G05b_a_second_unique_constraint = case(
    "CREATE TABLE t (id int PRIMARY KEY, mail text UNIQUE)", values({"id": 1, "mail": "a"}, {"id": 2, "mail": "a"}, {"id": 3, "mail": "b"}),
    rows=["1|a", "3|b"], letters={1: ("write", "23505", "duplicate key")})

test_G05c_a_foreign_key = case(
    "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1); CREATE TABLE t (id int PRIMARY KEY, p int REFERENCES parent)",
    values({"id": 1, "p": 1}, {"id": 2, "p": 2}, {"id": 3, "p": None}), rows=["1|1", r"3|\N"], letters={1: ("write", "23503", "foreign key")})

test_G05d_a_deferred_foreign_key = case(
    "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1); "
    "CREATE TABLE t (id int PRIMARY KEY, p int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    values({"id": 1, "p": 1}, {"id": 2, "p": 2}, {"id": 3, "p": None}), rows=["1|1", r"3|\N"], letters={1: ("write", "23503", "foreign key")})

test_G05e_an_exclusion_constraint = case(
    "CREATE TABLE t (id int PRIMARY KEY, r int4range, EXCLUDE USING gist (r WITH &&))",
    values({"id": 1, "r": "[1,5)"}, {"id": 2, "r": "[4,6)"}, {"id": 3, "r": "[6,7)"}), rows=["1|[1,5)", "3|[6,7)"],
    letters={1: ("write", "23P01", "exclusion")})

test_G05f_a_trigger_that_raises = case(
    "CREATE TABLE t (id int PRIMARY KEY, n int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.n = 2 THEN "
    "RAISE 'not two'; END IF; RETURN new; END $$; CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    numbers((1, 1), (2, 2), (3, 3)), rows=["1|1", "3|3"], letters={1: ("write", "P0001", "")})

test_G05h_a_trigger_that_has_lost_a_connection_of_its_own = case(
    """CREATE TABLE t (id int PRIMARY KEY, v int);
       CREATE FUNCTION "{schema}".far() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN IF NEW.v = 2 THEN RAISE 'could not establish connection' USING ERRCODE = '08001'; END IF; RETURN NEW; END $$;
       CREATE TRIGGER far BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION "{schema}".far()""",
    values({"id": 1, "v": 1}, {"id": 2, "v": 2}, {"id": 3, "v": 3}), rows=["1|1", "3|3"], letters={1: ("write", "08001", "RAISE")})
test_G05g_a_domain_with_a_check = case(
    "CREATE DOMAIN small AS int CHECK (value < 10); CREATE DOMAIN word AS text CHECK (value ~ '^\\w+$') NOT NULL; "
    "CREATE TABLE t (id int PRIMARY KEY, s small, w word)",
    values({"id": 1, "s": 1, "w": "a"}, {"id": 2, "s": 10, "w": "a"}, {"id": 3, "s": None, "w": "a b"}, {"id": 4, "w": None}, {"id": 5, "w": "z"}),
    rows=["1|1|a", r"5|\N|z"], letters={1: ("write", "23514", "check"), 2: ("write", "23514", "check"), 3: ("write", "23502", "null")})

test_G09_a_record_without_its_key = case(
    NUMBERS, values({"id": 1, "n": 1}, {"n": 2}, {"id": None, "n": 3}), rows=["1|1"],
    letters={1: ("map", "23502", "no such field"), 2: ("map", "23502", "null")})

test_G09b_a_composite_key_of_which_a_part_is_missing = case(
    "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))", keyed(({"a": 1}, {"b": 2}), ({"a": 1}, {}), ({"a": 1, "b": None}, {}), ({"a": 1}, None)),
    key=["a", "b"], rows=["1|2"], letters={1: ("map", "23502", "b"), 2: ("map", "23502", "b"), 3: ("map", "23502", "key")})

test_G09c_key_and_value_name_different_rows = case(
    NUMBERS, keyed((b"1", {"id": 1, "n": 1}), (b"2", {"id": 3, "n": 3}), (b"text", {"id": 4, "n": 4}), (b"5", {"id": 5, "n": 5})),
    rows=["1|1", "5|5"], letters={1: ("map", "22023", "key_from"), 2: ("map", "22P02", "key_from")})

test_G09d_a_key_that_serves_partitioning_only = case(
    NUMBERS, keyed((b"eu", {"id": 1, "n": 1}), (b"eu", {"id": 2, "n": 2})), key_from="record_value", rows=["1|1", "2|2"])

test_G11_a_conflict_between_two_good_ones = case(
    NUMBERS + "; INSERT INTO t VALUES (2, 2)", numbers((10, 1), (2, 1), (11, 1)), mode="insert", rows=["2|2", "10|1", "11|1"],
    letters={1: ("write", "23505", "duplicate key")})

test_G12_a_value_that_is_no_number = case(
    NUMBERS, values({"id": 1, "n": "many"}, {"id": 2, "n": 1.5}, {"id": 3, "n": 3000000000}, {"id": 4, "n": True}, {"id": 5, "n": {"a": 1}},
                    {"id": 6, "n": ""}, {"id": 7, "n": [1]}, {"id": 8, "n": " 8 "}, {"id": 9, "n": "9"}),
    rows=["8|8", "9|9"],
    letters={0: ("map", "22P02", "value.n"), 1: ("map", "22P02", "value.n"), 2: ("map", "22003", "value.n"), 3: ("map", "22P02", "value.n"),
             4: ("map", "22P02", "value.n"), 5: ("map", "22P02", "value.n"), 6: ("map", "22P02", "value.n")})

test_G12b_values_that_are_no_dates = case(
    "CREATE TABLE t (id int PRIMARY KEY, d date, ts timestamp, ti time)",
    values({"id": 1, "d": "2024-02-30"}, {"id": 2, "d": 19000}, {"id": 3, "ts": "yesterday"}, {"id": 4, "ts": 1700000000}, {"id": 5, "ti": "25:00"},
           {"id": 6, "d": "2024-02-29"}), query={"SELECT id, d FROM t": ["6|2024-02-29"]},
    letters={0: ("map", "22008", "value.d"), 1: ("map", "22007", "no unit"), 2: ("map", "22007", "value.ts"), 3: ("map", "22007", "no unit"),
             4: ("map", "22008", "value.ti")})

test_G12c_values_that_other_types_refuse = case(
    "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (id int PRIMARY KEY, u uuid, m mood, ip inet, j json, b boolean, v varchar(3), by bytea)",
    values({"id": 1, "u": "x"}, {"id": 2, "m": "bad"}, {"id": 3, "ip": "300.1.1.1"}, {"id": 4, "b": "maybe"}, {"id": 5, "v": "long text"},
           {"id": 6, "by": "no base64!"}, {"id": 7, "j": "plain"}, {"id": 8, "b": 2}),
    query={"SELECT id, j FROM t": ['7|"plain"']},
    letters={0: ("map", "22P02", "value.u"), 1: ("write", "22P02", "enum"), 2: ("write", "22P02", "inet"), 3: ("map", "22P02", "value.b"),
             4: ("write", "22001", "too long"), 5: ("map", "22P02", "value.by"), 7: ("map", "22P02", "value.b")})

test_G12d_broken_json_and_broken_text = case(
    NUMBERS, [Record(None, one) for one in (b'{"id": 1', b'{"id": 1, "n": 1}}', b'\xff\xfe', b'{"id": 1, "n": 01}', b'{"id": 2, "n": 2}',
                                            b'{"id": 3, "n": 1, "n": 2}')],
    rows=["2|2"], letters={0: ("decode", "22032", "value"), 1: ("decode", "22032", "value"), 2: ("decode", "22021", "value"),
                           3: ("decode", "22032", "value"), 5: ("decode", "22032", "twice")})

test_G13_a_strict_route_stops_in_front_of_the_record = case(
    NUMBERS, numbers((1, 1), (2, 200), (3, 3)), on_error="stop", rows=["1|1"], state=("poison", "check constraint", 1))

test_G13b_a_strict_route_stops_in_front_of_what_it_cannot_map = case(
    NUMBERS, values({"id": 1, "n": 1}, {"id": 2, "n": "x"}, {"id": 3, "n": 3}), on_error="stop", rows=["1|1"], state=("poison", "value.n", 1))

test_G13c_too_many_letters_stop_the_partition = case(
    NUMBERS, numbers(*[(n, 200) for n in range(6)]), max_dead_letters=3, rows=[], state=("poison", "", 3), letters={n: BAD for n in range(3)})

test_G14_a_required_column_is_missing = case(
    NUMBERS, values({"id": 1}, {"id": 2, "n": None}), rows=[], letters={0: ("write", "23502", "null"), 1: ("write", "23502", "null")})

test_G15_a_missing_table_is_named = case("SELECT 1", values({"id": 1}), table="{schema}.nowhere", state=("schema", "nowhere", 0))

test_G16_a_letter_keeps_data_out_of_its_reason = case(
    "CREATE TABLE t (id int PRIMARY KEY, mail text UNIQUE, n int CHECK (n > 0), k citext, h hstore, x xml)",
    values({"id": 1, "mail": "marker-secret"}, {"id": 2, "mail": "marker-secret"}, {"id": 3, "mail": "marker-secret2", "n": -7654321},
           {"id": 4, "h": "marker-secret=>"}, {"id": 5, "x": "<marker-secret"}, {"id": 6, "mail": {"marker-secret": 1}, "n": "marker-secret"}),
    query={"SELECT id FROM t": ["1"],
           "SELECT count(*) FROM sluice.dead_letter WHERE topic = 'conformance.G16' AND (reason LIKE '%marker-secret%' OR reason LIKE '%7654321%')": ["0"]},
    letters={1: ("write", "23505", "duplicate key"), 2: ("write", "23514", "check"), 3: ("write", "XX000", ""), 4: ("write", "2200N", ""),
             5: ("map", "22P02", "value.n")})

test_G19_records_behind_a_letter_of_the_same_key_are_applied = case(
    NUMBERS, numbers((1, 1), (1, 200), (1, 3)), rows=["1|3"], letters={}, cuts=("whole",), counts={"folded": 2})

test_G19b_each_record_alone_the_bad_one_is_a_letter = case(
    NUMBERS, numbers((1, 1), (1, 200), (1, 3)), rows=["1|3"], letters={1: BAD}, cuts=("single",))
