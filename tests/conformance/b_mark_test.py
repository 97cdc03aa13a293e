"""B: soft deletes, which mark a row instead of removing it."""
from support.conformance import Record, case, change, keyed, refused, values

MARKED = "CREATE TABLE t (id int PRIMARY KEY, name text, deleted_at timestamptz)"
FLAGGED = "CREATE TABLE t (id int PRIMARY KEY, name text, gone boolean NOT NULL DEFAULT false)"
FIRST, SECOND = 1700000000000, 1700000060000  # 2023-11-14 22:13:20 and 22:14:20 UTC


def at(moment, value, key=None):
    return Record(key, value, at=moment)


test_B30_a_delete_marks_the_row_with_the_records_time = case(
    MARKED, [at(FIRST, change("c", {"id": 1, "name": "a"})), at(FIRST, change("c", {"id": 2, "name": "b"})),
             at(SECOND, change("d", before={"id": 1, "name": "a"}))],
    delete="soft:deleted_at", rows=["1|a|2023-11-14 22:14:20+00", r"2|b|\N"])
test_B30b_a_tombstone_marks_the_row_too = case(
    MARKED, [at(FIRST, {"id": 1, "name": "a"}, b"1"), at(SECOND, None, b"1")], delete="soft:deleted_at", rows=["1|a|2023-11-14 22:14:20+00"])
test_B30c_the_time_of_the_first_delete_stays = case(
    MARKED, [at(FIRST, {"id": 1, "name": "a"}, b"1"), at(FIRST, change("d", before={"id": 1}), b"1"), at(SECOND, None, b"1")],
    delete="soft:deleted_at", rows=["1|a|2023-11-14 22:13:20+00"])
test_B30d_a_write_takes_the_mark_away = case(
    FLAGGED, keyed((b"1", {"id": 1, "name": "a"}), (b"1", None), (b"2", {"id": 2, "name": "b"}), (b"2", None), (b"1", {"id": 1, "name": "again"})),
    delete="soft:gone", rows=["1|again|f", "2|b|t"])
test_B30e_a_row_from_elsewhere_is_marked_and_one_that_is_not_there_is_not_made = case(
    FLAGGED + "; INSERT INTO t VALUES (1, 'old')", values(change("d", before={"id": 1}), change("d", before={"id": 2})),
    delete="soft:gone", rows=["1|old|t"])
test_B30f_a_changed_key_marks_the_old_row = case(
    FLAGGED, values(change("c", {"id": 1, "name": "a"}), change("u", {"id": 2, "name": "a"}, {"id": 1, "name": "a"})),
    delete="soft:gone", rows=["1|a|t", "2|a|f"])
test_B30g_what_delete_when_finds_is_marked = case(
    FLAGGED, values({"id": 1, "name": "a", "__deleted": "false"}, {"id": 1, "name": "a", "__deleted": "true"}),
    delete="soft:gone", delete_when="__deleted = 'true'", rows=["1|a|t"])
test_B30h_a_field_with_the_marks_name_decides = case(
    FLAGGED, values({"id": 1, "name": "a", "gone": True}, {"id": 2, "name": "b"}, {"id": 2, "gone": True}), delete="soft:gone", rows=["1|a|t", "2|b|t"])
test_B30i_a_truncate_empties_the_table = case(
    FLAGGED, values(change("c", {"id": 1, "name": "a"}), change("t"), change("c", {"id": 2, "name": "b"})),
    delete="soft:gone", truncate="apply", rows=["2|b|f"])
test_B30j_added_columns_tell_of_the_delete = case(
    "CREATE TABLE t (id int PRIMARY KEY, name text, day date, at_offset int)",
    [at(FIRST, {"id": 1, "name": "a"}, b"1"), at(FIRST, None, b"1")],
    delete="soft:day", columns={"add": {"at_offset": "@offset"}}, rows=["1|a|2023-11-14|1"])
test_B30k_a_column_that_cannot_mark_waits_in_state_schema = case(
    "CREATE TABLE t (id int PRIMARY KEY, gone text)", keyed((b"1", {"id": 1})), delete="soft:gone", state=("schema", "cannot mark", 0))
test_B30l_rows_without_a_key_cannot_be_marked = refused("route.delete: soft needs a key", {"mode": "insert", "delete": "soft:gone"})
test_B30m_a_column_of_the_key_cannot_mark = refused("marks a column of the key", {"key": "id", "delete": "soft:id"})
