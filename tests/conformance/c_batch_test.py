"""C: batching, folding, order."""
import hashlib
import uuid

from support.conformance import Record, b64, case, change, keyed, values

TABLE = "CREATE TABLE t (id int PRIMARY KEY, name text)"
TOAST = "__debezium_unavailable_value"
WIDE = "CREATE TABLE t (id int PRIMARY KEY, a text, b int DEFAULT 5)"


def named(*pairs):
    return values(*[{"id": number, "name": name} for number, name in pairs])


test_C03_two_keys_one_of_them_twice = case(
    TABLE, named((1, "Alice"), (1, "Bob"), (2, "Charlie")), rows=["1|Bob", "2|Charlie"], counts={"applied": 2, "folded": 1})

test_C04_one_key_three_times = case(
    TABLE, named((1, "v1"), (1, "v2"), (1, "v3")), rows=["1|v3"], counts={"applied": 1, "folded": 2})

test_C05_a_key_returns_behind_another = case(
    TABLE, named((1, "Alice"), (2, "Bob"), (1, "Alice Updated")), rows=["1|Alice Updated", "2|Bob"])

test_C05b_every_event_acts_where_rows_are_inserted = case(
    "CREATE TABLE t (id int, name text)", named((1, "Alice"), (2, "Bob"), (1, "Alice Updated")), mode="insert", key=[],
    rows=["1|Alice", "1|Alice Updated", "2|Bob"], counts={"applied": 3, "folded": 0})

test_C06_keys_in_turn = case(
    TABLE, named((1, "A1"), (2, "B1"), (1, "A2"), (2, "B2"), (1, "A3")), rows=["1|A3", "2|B2"])

test_C07_a_key_twice_in_one_statement_is_no_error = case(TABLE, named((1, "a"), (2, "b"), (1, "c")), rows=["1|c", "2|b"])

test_C07b_a_key_twice_where_bytes_differ_and_values_do_not = case(
    "CREATE TABLE t (id numeric PRIMARY KEY, name text)",
    values({"id": "1", "name": "a"}, {"id": "1.0", "name": "b"}, {"id": 1.00, "name": "c"}, {"id": "10e-1", "name": "d"}),
    query={"SELECT id = 1, name FROM t": ["t|d"]})

test_C07c_keys_that_only_the_server_finds_equal = case(
    "CREATE TABLE t (id citext PRIMARY KEY, name text)",
    values({"id": "Key", "name": "a"}, {"id": "KEY", "name": "b"}, {"id": "other", "name": "x"}, {"id": "key", "name": "c"}),
    query={"SELECT lower(id), name FROM t": ["key|c", "other|x"]})

test_C07d_blanks_behind_a_char_key = case(
    "CREATE TABLE t (id char(5) PRIMARY KEY, name text)", values({"id": "a", "name": "x"}, {"id": "a    ", "name": "y"}),
    query={"SELECT id = 'a', name FROM t": ["t|y"]})

test_C07e_zeros_of_two_signs_are_one_key = case(
    "CREATE TABLE t (id float8 PRIMARY KEY, name text)", values({"id": 0.0, "name": "x"}, {"id": -0.0, "name": "y"}),
    query={"SELECT id = 0, name FROM t": ["t|y"]})

test_C07f_one_moment_in_two_zones_is_one_key = case(
    "CREATE TABLE t (id timestamptz PRIMARY KEY, name text)",
    values({"id": "2024-01-01T12:00:00+02:00", "name": "x"}, {"id": "2024-01-01T10:00:00Z", "name": "y"}),
    rows=["2024-01-01 10:00:00+00|y"])

test_C07g_one_address_in_two_spellings_is_one_key = case(
    "CREATE TABLE t (id inet PRIMARY KEY, name text)",
    values({"id": "10.0.0.1", "name": "x"}, {"id": "10.0.0.1/32", "name": "y"}, {"id": "::1", "name": "z"}, {"id": "0:0::1", "name": "u"}),
    rows=["10.0.0.1|y", "::1|u"])

test_C07h_one_interval_in_two_spellings_is_one_key = case(
    "CREATE TABLE t (id interval PRIMARY KEY, name text)",
    values({"id": "1 day", "name": "x"}, {"id": "24 hours", "name": "y"}), query={"SELECT id = '1 day', name FROM t": ["t|y"]})

test_C07i_one_json_document_in_two_spellings_is_one_key = case(
    "CREATE TABLE t (id jsonb PRIMARY KEY, name text)",
    values({"id": {"a": 1, "b": 2}, "name": "x"}, {"id": {"b": 2, "a": 1}, "name": "y"}), rows=['{"a": 1, "b": 2}|y'])

test_C07j_one_array_in_three_spellings_is_one_key = case(
    "CREATE TABLE t (id int[] PRIMARY KEY, name text)",
    values({"id": [1, 2], "name": "x"}, {"id": "{1, 2}", "name": "y"}, {"id": "[1:2]={1,2}", "name": "z"}), rows=["{1,2}|z"])

LOOSE = "a inet, b interval, c citext, d jsonb, e int[], v int, w text, PRIMARY KEY (a, b, c, d, e)"
ONE = {"a": "10.0.0.1", "b": "1 day", "c": "key", "d": {"x": 1, "y": 2}, "e": [1, 2]}
SAME = {"a": "10.0.0.1/32", "b": "24:00:00", "c": "KEY", "d": {"y": 2.0, "x": 1}, "e": "{01, 2}"}
OTHER = ONE | {"d": {"x": 1, "y": 3}}

# The last record makes the batch be taken apart, where nobody can be asked.
test_C07k_a_record_key_in_another_spelling_than_the_value_is_the_same_key = case(
    f"CREATE TABLE t ({LOOSE}, CHECK (v < 9))",
    keyed((ONE, ONE | {"v": 1}), (ONE, SAME | {"v": 2}), (OTHER, SAME | {"v": 3}), (SAME, change("u", OTHER | {"v": 4}, ONE)),
          (ONE | {"a": "::1"}, SAME | {"a": "0:0::1", "v": 5}), (ONE, change("d", None, SAME)), (OTHER, SAME | {"v": 9}), (ONE, ONE | {"v": 9})),
    key=list(ONE), query={"SELECT d->'y', v FROM t": ["2.0|5", "3|4"]},
    letters={2: ("map", "22023", "found another d than in the value"), 6: ("map", "22023", "found another d than in the value"),
             7: ("write", "23514", "")})

test_C07l_images_in_two_spellings_are_of_one_row_with_all_that_refers_to_it = case(
    "CREATE TABLE t (id citext PRIMARY KEY); CREATE TABLE u (id citext REFERENCES t ON DELETE CASCADE); "
    "INSERT INTO t VALUES ('key'), ('more'); INSERT INTO u VALUES ('key'), ('more')",
    values(change("u", {"id": "KEY"}, {"id": "key"}), change("u", {"id": "less"}, {"id": "more"})),
    rows=["key", "less"], query={"SELECT * FROM u": ["key"]})

test_C07m_an_unchanged_value_is_not_lost_with_another_spelling_of_the_key = case(
    f"CREATE TABLE t ({LOOSE})",
    values(ONE | {"v": 1, "w": "long"}, change("u", SAME | {"v": 2, "w": "__debezium_unavailable_value"}, ONE | {"v": 1})), key=list(ONE),
    query={"SELECT v, w FROM t": ["2|long"]})

test_C07n_where_rows_are_only_updated_another_spelling_is_no_other_key = case(
    f"CREATE TABLE t ({LOOSE}); INSERT INTO t VALUES ('10.0.0.1', '1 day', 'key', '{{\"x\": 1, \"y\": 2}}', '{{1,2}}', 1)",
    values(change("u", SAME | {"v": 2}, ONE), change("u", OTHER | {"v": 3}, ONE)), key=list(ONE), mode="update",
    query={"SELECT v FROM t": ["2"]}, letters={1: ("map", "0A000", "found another key than before")})

test_C08_a_key_twice_in_a_row = case(TABLE, named((1, "a"), (1, "b"), (2, "c")), rows=["1|b", "2|c"])

test_C09_a_composite_key_twice = case(
    "CREATE TABLE t (a int, b int, name text, PRIMARY KEY (a, b))",
    values({"a": 11, "b": 22, "name": "John Doe 1"}, {"a": 11, "b": 22, "name": "John Doe 2"}), key=["a", "b"],
    rows=["11|22|John Doe 2"])

test_C09b_parts_of_a_composite_key_are_kept_apart = case(
    "CREATE TABLE t (a text, b text, v int, PRIMARY KEY (a, b))",
    values({"a": "x", "b": "yz", "v": 1}, {"a": "xy", "b": "z", "v": 2}, {"a": "", "b": "xyz", "v": 3}, {"a": "xyz", "b": "", "v": 4}),
    key=["a", "b"], rows=["x|yz|1", "xy|z|2", "|xyz|3", "xyz||4"])

test_C10_the_shape_of_records_changes_within_a_batch = case(
    WIDE, values({"id": 1, "a": "x"}, {"id": 2, "a": "x"}, {"id": 3, "a": "x"}, {"id": 4, "a": "y", "b": 7}, {"id": 5, "a": "z"},
                 {"id": 1, "b": 8}), rows=["1|x|8", "2|x|5", "3|x|5", "4|y|7", "5|z|5"])

test_C10b_the_same_names_with_other_types = case(
    WIDE, values({"id": 1, "a": "x", "b": 1}, {"id": "2", "a": 3, "b": "4"}, {"a": True, "b": 5.0, "id": 3.0}),
    rows=["1|x|1", "2|3|4", "3|true|5"])

test_C13_arrays_of_different_lengths = case(
    "CREATE TABLE t (id int PRIMARY KEY, a text[])", values({"id": 1, "a": ["a", "b"]}, {"id": 2, "a": ["c"]}, {"id": 3, "a": []},
                                                            {"id": 4, "a": [["x", "y"], ["z", "w"]]}, {"id": 5, "a": None}),
    rows=["1|{a,b}", "2|{c}", "3|{}", "4|{{x,y},{z,w}}", r"5|\N"])

test_C14_a_value_that_some_rows_have_and_others_lack = case(
    "CREATE TABLE t (id int PRIMARY KEY, p point)",
    values({"id": 12345, "p": {"x": 1.5, "y": -2}}, {"id": 23456, "p": None}, {"id": 23456, "p": {"x": 3, "y": 4, "wkb": None, "srid": 0}}),
    rows=["12345|(1.5,-2)", "23456|(3,4)"])

test_C15_each_partition_keeps_its_order = case(
    TABLE, [Record(None, {"id": partition, "name": f"p{partition}o{offset}"}, partition=partition)
            for offset in range(20) for partition in range(3)], partitions=3, rows=["0|p0o19", "1|p1o19", "2|p2o19"])

test_C17_what_no_filter_lets_through_is_counted_as_skipped = case(
    TABLE, named((1, "a")), filter="name = 'b'", rows=[], counts={"skipped": 1})

test_C17b_a_filter_judges_each_event = case(
    TABLE, values({"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": None}, {"id": 4}), filter="name <> 'a'",
    rows=["2|b"], counts={"applied": 1, "skipped": 3})

test_C17c_a_filter_by_operation = case(
    TABLE, values(change("r", {"id": 1, "name": "snapshot"}), change("c", {"id": 2, "name": "b"})), filter="@op <> 'r'", rows=["2|b"])

test_C17d_a_filter_by_header = case(
    TABLE, [Record(None, {"id": 1, "name": "a"}, {"kind": b"keep"}), Record(None, {"id": 2, "name": "b"}, {"kind": b"drop"}),
            Record(None, {"id": 3, "name": "c"})], filter="header('kind') = 'keep'", rows=["1|a"])

test_C17e_only_rows_that_match_are_in_the_table = case(
    TABLE, values({"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": None}, {"id": 4}), where="name <> 'a'",
    rows=["2|b"])

test_C17f_a_row_that_stops_matching_is_deleted_and_one_that_begins_to_match_is_written = case(
    TABLE, values({"id": 1, "name": "b"}, {"id": 2, "name": "a"}, {"id": 1, "name": "a"}, {"id": 2, "name": "b"},
                  change("u", {"id": 4, "name": "c"}, {"id": 3, "name": "c"})), where="name <> 'a'", rows=["2|b", "4|c"])

test_C17g_a_part_of_a_row_changes_one_that_is_there_and_makes_none = case(
    "CREATE TABLE t (id int PRIMARY KEY, age int NOT NULL, name text)",
    values({"id": 1, "age": 20, "name": "a"}, {"id": 2, "age": 19, "name": "b"}, {"id": 1, "name": "c"}, {"id": 2, "name": "d"}),
    where="age >= 20", rows=["1|20|c"])

test_C17h_without_a_key_rows_that_do_not_match_are_skipped = case(
    "CREATE TABLE t (id int, age int)", values({"id": 1, "age": 20}, {"id": 2, "age": 19}, {"id": 3}), key=[], mode="insert",
    where="age >= 20", rows=["1|20"], counts={"applied": 1, "skipped": 2})

test_C18_the_last_of_a_key_wins = case(TABLE, named((1, "old"), (1, "new")), rows=["1|new"])

test_C19_a_number_in_different_clothes_is_one_key = case(
    TABLE, keyed((b"1", {"name": "a"}), (b"1.0", {"name": "b"}), ("1", {"name": "c"}), (b"1e0", {"name": "d"}), (b"10e-1", {"name": "e"})),
    rows=["1|e"])

test_C19b_key_and_value_wear_different_clothes = case(
    TABLE, keyed((b"1", {"id": 1.0, "name": "a"}), ("1", {"id": 1, "name": "b"}), ({"id": "1"}, {"id": "1", "name": "c"})), rows=["1|c"])

test_C20_a_placeholder_behind_the_full_row = case(
    "CREATE TABLE t (id int PRIMARY KEY, dusty text, artie text)",
    values(change("c", {"id": 1, "dusty": "dog", "artie": "t"}), change("u", {"id": 1, "dusty": TOAST, "artie": "t5"})), rows=["1|dog|t5"])

test_C20b_a_placeholder_for_what_is_in_the_table = case(
    "CREATE TABLE t (id int PRIMARY KEY, dusty text, artie text); INSERT INTO t VALUES (1, 'cat', 'x')",
    values(change("u", {"id": 1, "dusty": TOAST, "artie": "t5"})), rows=["1|cat|t5"])

TOASTED = {"txt": TOAST, "js": TOAST, "jb": TOAST, "by": b64(TOAST.encode()), "hex": TOAST.encode().hex(), "ta": [TOAST],
           "ia": list(TOAST.encode()), "la": list(TOAST.encode()), "da": list(TOAST.encode()), "ba": [b64(TOAST.encode())],
           "ua": [str(uuid.UUID(bytes=hashlib.md5(TOAST.encode()).digest(), version=3))], "hs": {TOAST: TOAST}, "xm": TOAST, "nu": TOAST}
TOAST_TABLE = """CREATE TABLE t (id int PRIMARY KEY, txt text, js json, jb jsonb, by bytea, hex bytea, ta text[], ia int[], la bigint[],
                                 da date[], ba bytea[], ua uuid[], hs hstore, xm xml, nu numeric, n int);
                 INSERT INTO t VALUES (1, 'a', '{"a": 1}', '{"a": 1}', '\\x01', '\\x02', '{a}', '{1}', '{2}', '{2024-01-01}',
                                       '{"\\\\x03"}', '{9bc6a215-84b5-4865-a058-9156427c887a}', 'a=>1', '<a/>', 4.5)"""
TOAST_ROW = r'a|{"a": 1}|{"a": 1}|\\x01|\\x02|{a}|{1}|{2}|{2024-01-01}|{"\\\\x03"}|{9bc6a215-84b5-4865-a058-9156427c887a}|"a"=>"1"|<a/>|4.5'

test_C20c_placeholders_of_every_type_leave_their_columns_alone = case(
    TOAST_TABLE, values(change("u", {"id": 1, **TOASTED, "n": 2})), rows=["1|" + TOAST_ROW + "|2"])

test_C20d_placeholders_in_flattened_events = case(
    TOAST_TABLE, values({"id": 1, **TOASTED, "n": 2}), rows=["1|" + TOAST_ROW + "|2"])

test_C20e_a_placeholder_as_json_text_of_a_map = case(
    TOAST_TABLE, values(change("u", {"id": 1, "hs": '{"%s":"%s"}' % (TOAST, TOAST), "n": 3})), rows=["1|" + TOAST_ROW + "|3"])

test_C20f_what_only_begins_like_a_placeholder_is_a_value = case(
    "CREATE TABLE t (id int PRIMARY KEY, a text, b text[], c int[])",
    values(change("c", {"id": 1, "a": TOAST + "!", "b": [TOAST, "x"], "c": list(TOAST.encode())[:5]})),
    rows=[f"1|{TOAST}!|{{{TOAST},x}}|{{95,95,100,101,98}}"])

test_C21_a_placeholder_first_and_then_the_value = case(
    "CREATE TABLE t (id int PRIMARY KEY, dusty text, new_col boolean)",
    values(change("u", {"id": 1, "dusty": TOAST}), change("u", {"id": 1, "dusty": "x", "new_col": True})), rows=["1|x|t"])

test_C23_what_a_record_lacks_is_not_null = case(
    WIDE + "; INSERT INTO t VALUES (2, 'old', 7)", values({"id": 1, "a": "x", "b": 1}, {"id": 2, "a": "y"}), rows=["1|x|1", "2|y|7"])

test_C23b_an_explicit_null_is_null = case(
    WIDE + "; INSERT INTO t VALUES (2, 'old', 7)", values({"id": 1, "a": "x", "b": 1}, {"id": 2, "a": "y", "b": None}),
    rows=["1|x|1", r"2|y|\N"])

test_C23c_parts_of_a_row_come_one_by_one = case(
    "CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int)",
    values({"id": 1, "a": 1}, {"id": 1, "b": 2}, {"id": 1, "c": 3}, {"id": 1, "a": None}), rows=[r"1|\N|2|3"])

test_C23d_a_partial_update_of_a_row_with_a_required_column = case(
    "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int); INSERT INTO t VALUES (1, 1, 1)",
    values({"id": 1, "b": 2}), rows=["1|1|2"])

UNIQUE = "CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, name text)"


def unique(op, number, value, before=None):
    return change(op, {"id": number, "u": value, "name": f"n{number}"}, before)


test_C25_values_of_a_second_unique_constraint_change_places = case(
    UNIQUE + "; INSERT INTO t VALUES (1, 10, 'n1'), (2, 20, 'n2')",
    values(unique("u", 1, None), unique("u", 2, 10), unique("u", 1, 20)), rows=["1|20|n1", "2|10|n2"])

test_C25b_values_of_a_second_unique_constraint_wander = case(
    UNIQUE + "; INSERT INTO t VALUES (1, 10, 'n1'), (2, 20, 'n2'), (3, 30, 'n3')",
    values(unique("u", 3, 40), unique("u", 2, 30), unique("u", 1, 20), unique("c", 4, 10)),
    rows=["1|20|n1", "2|30|n2", "3|40|n3", "4|10|n4"])

test_C25c_the_value_of_a_removed_row_is_used_again = case(
    UNIQUE, values(unique("c", 1, 10), change("d", None, {"id": 1}), unique("c", 2, 10), change("d", None, {"id": 2}), unique("c", 0, 10)),
    rows=["0|10|n0"])

test_C25d_a_row_takes_a_value_that_a_later_one_gave_up = case(
    UNIQUE + "; INSERT INTO t VALUES (5, 10, 'n5')", values(unique("u", 5, 11), unique("c", 1, 10)), rows=["1|10|n1", "5|11|n5"])
