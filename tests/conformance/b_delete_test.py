"""B: deletes, tombstones, truncates, changed keys."""
from support.conformance import Record, case, change, keyed, refused, values, wrapped, wrapped_change

TABLE = "CREATE TABLE t (id int PRIMARY KEY, name text, nick text)"
ROW = {"id": 1, "name": "John Doe", "nick": "John Doe$"}
STORED = "1|John Doe|John Doe$"
PAIR = "CREATE TABLE t (a int, b text, v int, PRIMARY KEY (a, b))"


def row(number, **more):
    return {"id": number, "name": f"n{number}", "nick": None, **more}


test_B01_deletes_are_ignored_where_the_route_says_so = case(
    TABLE, keyed(({"id": 1}, change("c", ROW)), ({"id": 1}, change("d", None, ROW))), delete="ignore", rows=[STORED],
    counts={"applied": 1, "skipped": 1})

test_B01b_tombstones_are_ignored_where_the_route_says_so = case(
    TABLE, keyed(({"id": 1}, ROW), ({"id": 1}, None)), delete="ignore", rows=[STORED], counts={"applied": 1, "skipped": 1})

test_B01c_a_changed_key_leaves_the_old_row_where_deletes_are_ignored = case(
    TABLE, values(change("c", row(1)), change("u", row(2), row(1))), delete="ignore", rows=[r"1|n1|\N", r"2|n2|\N"])

test_B02_a_delete_removes_the_row = case(
    TABLE, keyed(({"id": 1}, change("c", ROW)), ({"id": 1}, change("d", None, ROW))), rows=[])

test_B04_a_delete_takes_its_key_from_before = case(
    TABLE, values(change("c", ROW), change("d", None, ROW)), key_from="record_value", rows=[])

test_B04b_a_delete_with_schema_takes_its_key_from_before = case(
    TABLE, values(wrapped_change({"id": "int32", "name": "string", "nick": "string"}, "c", ROW),
                  wrapped_change({"id": "int32", "name": "string", "nick": "string"}, "d", None, ROW)),
    key_from="record_value", rows=[])

test_B04c_before_holds_nothing_but_the_key = case(
    TABLE, values(change("c", ROW), change("d", None, {"id": 1})), rows=[])

test_B04d_before_names_columns_that_the_table_lacks = case(
    TABLE, values(change("c", ROW), change("d", None, {"id": 1, "gone": "x"})), rows=[])

test_B04e_a_delete_without_before_goes_by_the_record_key = case(
    TABLE, keyed(({"id": 1}, change("c", ROW)), ({"id": 1}, change("d", None, None))), rows=[])

test_B04f_a_delete_that_names_no_key_is_a_letter = case(
    TABLE, keyed(({"id": 1}, change("c", ROW)), (None, change("d", None, None))), rows=[STORED],
    letters={1: ("map", "23502", "expected the columns of the key")})

ONE = {"id": 1}  # as a header

test_B05_a_delete_takes_its_key_from_a_header = case(
    TABLE, [Record(None, change("c", ROW), ONE), Record(None, change("d", None, None), ONE)], key_from="header", rows=[])

test_B05b_a_composite_key_from_headers = case(
    PAIR, [Record(None, {"v": 1}, {"a": 1, "b": b"x"}), Record(b"other", {"v": 2, "a": 9}, {"b": "x", "a": b"1"}),
           Record(None, {"v": 3}, {"a": 2, "b": b"it's", "more": b"x"}), Record(None, None, {"a": 2, "b": b"it's"})],
    key=["a", "b"], key_from="header", rows=["1|x|2"])

test_B05c_a_header_that_is_missing_is_a_letter = case(
    PAIR, [Record(None, {"v": 1}, {"a": 1}), Record(None, {"v": 1, "a": 1, "b": "x"}), Record(None, change("d", None, {"a": 1, "b": "x"}), {"a": 1}),
           Record(None, {"v": 4}, {"a": b"no number", "b": b"x"}), Record(None, {"v": 5}, {"a": 5, "b": b"x"})],
    key=["a", "b"], key_from="header", rows=["5|x|5"],
    letters={0: ("map", "23502", "headers.b"), 1: ("map", "23502", "headers.a"), 2: ("map", "23502", "headers"), 3: ("map", "22P02", "headers.a")})

test_B05d_the_last_of_several_headers_counts = case(
    TABLE, [Record(None, ROW, [("id", b"7"), ("id", b"8")])], key_from="header", rows=["8|John Doe|John Doe$"])

test_B05e_the_place_in_kafka_is_the_key = case(
    "CREATE TABLE t (kafka_topic text, kafka_partition int, kafka_offset bigint, name text, PRIMARY KEY (kafka_topic, kafka_partition, kafka_offset))",
    [Record(None, {"name": "a"}), Record(b"1", {"name": "a"}), Record(b"1", {"name": "b"}, partition=1)], partitions=2, key=None, key_from="kafka",
    rows=["conformance.B05e|0|0|a", "conformance.B05e|0|1|a", "conformance.B05e|1|0|b"])

test_B05f_a_delete_by_the_place_in_kafka_is_a_letter = case(
    "CREATE TABLE t (kafka_topic text, kafka_partition int, kafka_offset bigint, name text, UNIQUE (kafka_offset, kafka_topic, kafka_partition))",
    keyed((b"1", {"name": "a"}), (b"1", None), (None, change("d", None, {"name": "a"}))), key=["kafka_partition", "kafka_topic", "kafka_offset"],
    key_from="kafka", rows=["conformance.B05f|0|0|a"], letters={1: ("map", "23502", "names no row"), 2: ("map", "23502", "names no row")})

test_B05g_no_key = case("CREATE TABLE t (id int)", keyed((b"1", {"id": 1}), (b"1", {"id": 1})), mode="insert", key=None, key_from="none", rows=["1", "1"])
test_B05h_no_key_and_a_key_are_refused = refused("route.key", {"mode": "insert", "key_from": "none", "key": ["id"]})
test_B05i_no_key_is_refused_for_upsert = refused("route.key", {"key_from": "none"})
test_B05j_other_columns_than_those_of_the_place_are_refused = refused("kafka_topic, kafka_partition and kafka_offset", {"key_from": "kafka", "key": ["id"]})
test_B05k_headers_need_names = refused("route.key", {"mode": "insert", "key_from": "header", "key": []})

test_B06_a_tombstone_behind_a_delete_is_skipped_where_the_value_has_the_key = case(
    TABLE, keyed(({"id": 1}, change("c", ROW)), ({"id": 1}, change("d", None, ROW)), ({"id": 1}, None)),
    key_from="record_value", rows=[], counts={"skipped": 1})

test_B06b_a_tombstone_without_a_key_behind_a_delete = case(
    TABLE, keyed((None, change("c", ROW)), (None, change("d", None, ROW)), (None, None)),
    format="debezium", rows=[], counts={"skipped": 1})

test_B07_a_tombstone_behind_a_delete_is_skipped_where_headers_have_the_key = case(
    TABLE, [Record(None, change("c", ROW), ONE), Record(None, change("d", None, ROW), ONE), Record(b"1", None)], key_from="header", rows=[],
    counts={"skipped": 1})

test_B08_a_delete_of_a_row_that_is_not_there = case(
    TABLE, keyed(({"id": 1}, change("d", None, ROW))), rows=[], counts={"applied": 1})

test_B09_a_delete_by_some_fields_of_the_record_key = case(
    TABLE, keyed(({"id": 1, "name": "x"}, change("d", None, None)), ({"id": 2, "name": "y"}, {"nick": "n"}),
                 ({"id": 2, "name": "z"}, None)), key_from="record_key", rows=[])

test_B10_a_tombstone_removes_the_row = case(TABLE, keyed((b"1", ROW), (b"1", None), (b"2", row(2))), rows=[r"2|n2|\N"])

test_B10b_a_tombstone_with_a_key_of_connect = case(
    TABLE, keyed((b"1", ROW), ({"schema": {"type": "struct", "fields": [{"type": "int32", "optional": False, "field": "id"}]},
                                "payload": {"id": 1}}, None)), rows=[])

test_B10c_a_tombstone_with_a_scalar_key_of_connect = case(
    TABLE, keyed((b"1", ROW), ({"schema": {"type": "int32", "optional": False}, "payload": 1}, None)), rows=[])

test_B10d_null_inside_the_wrapping_is_a_tombstone = case(
    TABLE, keyed((b"1", ROW), (b"1", {"schema": None, "payload": None})), rows=[])

test_B10e_a_tombstone_whose_key_is_text_with_quotes = case(
    "CREATE TABLE t (id text PRIMARY KEY, v int)",
    keyed(('say "hi"', {"v": 1}), (b"it's", {"v": 2}), ('say "hi"', None), (b"it's", None), (b"O'Neil\\", {"v": 3})),
    rows=[r"O'Neil\\|3"])

test_B10f_a_tombstone_with_a_uuid_key_in_another_spelling = case(
    "CREATE TABLE t (id uuid PRIMARY KEY, v int)",
    keyed((b"9bc6a215-84b5-4865-a058-9156427c887a", {"v": 1}), (b"9BC6A215-84B5-4865-A058-9156427C887A", None)), rows=[])

test_B11_the_order_within_a_batch_is_kept = case(
    TABLE, keyed((b"2", change("c", row(2))), (b"1", change("c", row(1))), (b"1", change("d", None, row(1))), (b"1", change("c", ROW))),
    rows=[STORED, r"2|n2|\N"], counts={"applied": 2, "folded": 2})

test_B12_a_truncate_is_ignored_unless_the_route_says_otherwise = case(
    TABLE, values(change("c", ROW), change("t")), rows=[STORED], counts={"skipped": 1})

test_B14_what_follows_a_truncate_stays = case(
    TABLE, values(change("c", ROW), change("t"), change("c", row(2))), truncate="apply", rows=[r"2|n2|\N"])

test_B14b_truncates_in_the_middle_at_the_end_and_twice = case(
    TABLE + "; INSERT INTO t VALUES (9, 'old', NULL)",
    values(change("c", row(1)), change("c", row(2)), change("t"), change("c", row(1, name="again")), change("t"), change("t"),
           change("c", row(3)), change("u", row(4), row(3)), change("d", None, row(4)), change("c", row(3))),
    truncate="apply", rows=[r"3|n3|\N"])

test_B14c_a_truncate_at_the_end = case(
    TABLE, values(change("c", row(1)), change("c", row(2)), change("t")), truncate="apply", rows=[])

test_B14d_a_truncate_of_a_table_without_a_key = case(
    "CREATE TABLE t (n int)", values(change("c", {"n": 1}), change("t"), change("c", {"n": 2}), change("c", {"n": 2})),
    mode="insert", key=[], truncate="apply", rows=["2", "2"])

test_B14e_a_truncate_with_schema = case(
    TABLE, values(wrapped_change({"id": "int32", "name": "string", "nick": "string"}, "c", ROW),
                  wrapped_change({"id": "int32", "name": "string", "nick": "string"}, "t")), truncate="apply", rows=[])

test_B14f_truncate_of_a_table_that_others_refer_to_is_a_letter = case(
    TABLE + "; CREATE TABLE child (id int REFERENCES t)", values(change("c", ROW), change("t"), change("c", row(2))),
    truncate="apply", rows=None, state=("schema", "foreign key", None))

test_B16_write_tombstone_write = case(
    TABLE, keyed((b"1", row(1)), (b"1", None), (b"1", ROW)), rows=[STORED])

test_B16b_a_column_that_the_last_write_lacks_is_not_resurrected = case(
    TABLE, keyed((b"1", ROW), (b"1", None), (b"1", {"name": "new"})), rows=[r"1|new|\N"])

test_B16c_after_a_delete_the_default_counts = case(
    "CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'd', b text)",
    keyed((b"1", {"a": "x", "b": "y"}), (b"1", None), (b"1", {"b": "z"})), rows=["1|d|z"])

test_B17_the_last_write_of_a_batch_is_not_lost = case(
    TABLE, keyed((b"1", row(1)), (b"1", ROW), (b"1", None), (b"1", ROW)), rows=[STORED], counts={"applied": 1, "folded": 3})

test_B17b_insert_mode_write_delete_write = case(
    TABLE, keyed((b"1", row(1)), (b"1", None), (b"1", ROW)), mode="insert", rows=[STORED])

test_B20_a_delete_on_a_route_without_a_key_is_a_letter_that_says_so = case(
    "CREATE TABLE t (n int)", keyed((None, {"n": 1}), (b"1", None), (None, change("d", None, {"n": 1}))), mode="insert", key=[],
    rows=["1"], letters={1: ("map", "23502", "a delete needs a key"), 2: ("map", "23502", "a delete needs a key")})

test_B21_null_values_of_any_wrapping_are_skipped_where_deletes_are_ignored = case(
    TABLE, keyed((b"1", None), (None, None), (b"1", {"schema": None, "payload": None}), ({"id": 1}, None), (b"text", None)),
    delete="ignore", rows=[], counts={"skipped": 5})

test_B21b_null_as_json_is_no_row = case(
    TABLE, keyed((b"1", ROW), (b"1", b"null")), rows=[STORED], letters={1: ("decode", "22032", "value: found null")})

test_B22_a_tombstone_with_a_text_key = case(
    "CREATE TABLE t (id text PRIMARY KEY, v int)", keyed((b"0", {"v": 0}), (b"1", {"v": 1}), (b"2", {"v": 2}), (b"0", None)),
    rows=["1|1", "2|2"])

test_B22b_the_value_repeats_the_text_key = case(
    "CREATE TABLE t (id text PRIMARY KEY, v int)",
    keyed((b"0", {"id": "0", "v": 0}), (b"1.0", {"id": "1.0", "v": 1}), (b"0", None)), rows=["1.0|1"])

test_B23_nothing_but_tombstones = case(TABLE, keyed(*[(b"%d" % n, None) for n in range(5)]), mode="insert", rows=[])

test_B24_rows_and_tombstones_in_turn = case(
    TABLE, keyed((b"0", row(0)), (b"0", None), (b"1", row(1)), (b"1", None), (b"2", row(2)), (b"3", row(3)), (b"4", row(4))),
    rows=[r"2|n2|\N", r"3|n3|\N", r"4|n4|\N"])

test_B25_a_delete_that_carries_the_whole_old_row_with_a_null = case(
    TABLE, values(change("c", row(1)), change("d", None, row(1))), rows=[])

test_B26_composite_keys_with_an_enum_are_removed = case(
    "CREATE TYPE kind AS ENUM ('big', 'Small', 'o''dd'); CREATE TABLE t (a int, k kind, v int, PRIMARY KEY (a, k))",
    keyed(*[({"a": a, "k": k}, {"v": 1}) for a in range(3) for k in ("big", "Small", "o'dd")],
          *[({"a": a, "k": k}, None) for a in range(3) for k in ("big", "Small")]), key=["a", "k"],
    rows=["0|o'dd|1", "1|o'dd|1", "2|o'dd|1"])

test_B26b_composite_keys_of_many_types_are_removed = case(
    """CREATE TABLE t (a numeric(10,2), b timestamptz, c inet, d bytea, e text COLLATE "C", f date, v int,
                       PRIMARY KEY (a, b, c, d, e, f))""",
    values(*[change("c", {"a": a, "b": "2024-01-01T10:00:00Z", "c": "10.0.0.1", "d": "AQI=", "e": "é", "f": "2024-01-01", "v": 1})
             for a in ("1.50", "2.50")],
           change("d", None, {"a": 1.5, "b": "2024-01-01T12:00:00+02:00", "c": "10.0.0.1/32", "d": "\\x0102", "e": "é",
                              "f": "2024-01-01"})),
    key=["a", "b", "c", "d", "e", "f"], query={"SELECT a, v FROM t": ["2.50|1"]})

test_B28_a_changed_key_removes_the_old_row = case(
    TABLE, values(change("c", row(1)), change("u", row(2), row(1))), rows=[r"2|n2|\N"])

test_B28b_a_chain_of_changed_keys_comes_back = case(
    TABLE, values(change("c", row(1)), change("u", row(2), row(1)), change("u", row(3), row(2)), change("u", row(1), row(3))),
    rows=[r"1|n1|\N"])

test_B28c_two_rows_change_places = case(
    TABLE + "; INSERT INTO t VALUES (1, 'one'), (2, 'two')",
    values(change("u", row(9, name="one"), {"id": 1}), change("u", row(1, name="two"), {"id": 2}),
           change("u", row(2, name="one"), {"id": 9})), rows=[r"1|two|\N", r"2|one|\N"])

test_B28d_a_changed_key_of_several_columns = case(
    PAIR, values(change("c", {"a": 1, "b": "x", "v": 1}), change("c", {"a": 1, "b": "y", "v": 2}),
                 change("u", {"a": 2, "b": "x", "v": 3}, {"a": 1, "b": "x", "v": 1})), key=["a", "b"], rows=["1|y|2", "2|x|3"])

test_B28e_a_changed_key_with_the_old_or_the_new_record_key = case(
    TABLE, keyed(({"id": 1}, change("c", row(1))), ({"id": 1}, change("u", row(2), row(1))), ({"id": 3}, change("u", row(3), row(2)))),
    rows=[r"3|n3|\N"])

test_B28f_debezium_splits_a_changed_key_into_three = case(
    TABLE, keyed(({"id": 1}, change("c", row(1))), ({"id": 1}, change("d", None, row(1))), ({"id": 1}, None),
                 ({"id": 2}, change("c", row(2)))), rows=[r"2|n2|\N"])

test_B28g_mode_update_refuses_a_changed_key = case(
    TABLE + "; INSERT INTO t VALUES (1, 'one')", values(change("u", row(2), row(1))), mode="update", rows=[r"1|one|\N"],
    letters={0: ("map", "0A000", "another key than before")})

TOAST = "__debezium_unavailable_value"

test_B28h_what_only_the_old_row_has_is_never_lost_silently = case(
    TABLE, values(change("c", ROW), change("u", {"id": 2, "name": "moved", "nick": TOAST}, {"id": 1})), rows=[STORED],
    letters={1: ("map", "22004", "REPLICA IDENTITY FULL")})

test_B28i_nor_where_the_change_of_a_key_is_split = case(
    TABLE, [Record({"id": 2}, change("c", {"id": 2, "name": "moved", "nick": TOAST}), {"__debezium.oldkey": {"id": 1}})], rows=[],
    letters={0: ("map", "22004", "REPLICA IDENTITY FULL")})

test_B28j_a_changed_key_with_all_values = case(
    TABLE, [Record({"id": 1}, change("c", ROW)), Record({"id": 1}, change("d", None, ROW), {"__debezium.newkey": {"id": 2}}),
            Record({"id": 1}, None), Record({"id": 2}, change("c", {**ROW, "id": 2}), {"__debezium.oldkey": {"id": 1}})],
    rows=["2|John Doe|John Doe$"])

test_B29_the_mark_of_a_delete_is_not_a_column = case(
    TABLE, values({"id": 1, "op": "u", "name": "x"}, {"id": 2, "op": "u", "name": "y"}, {"id": 1, "op": "d"}),
    delete_when="op = 'd'", rows=[r"2|y|\N"])

test_B29b_flattened_change_events = case(
    TABLE, keyed(({"id": 1}, {**ROW, "__deleted": "false"}), ({"id": 2}, {**row(2), "__deleted": "false"}),
                 ({"id": 1}, {**ROW, "__deleted": "true"}), ({"id": 1}, None)),
    delete_when="__deleted = 'true'", rows=[r"2|n2|\N"])

test_B29c_flattened_with_schema = case(
    TABLE, values(*[wrapped({"id": "int32", "name": "string", "nick": "string", "__deleted": "string"}, {**ROW, "__deleted": gone})
                    for gone in ("false", "true", "false")]), delete_when="__deleted = 'true'", rows=[STORED])
