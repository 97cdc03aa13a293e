"""F and I: versions of rows, where an older event is not to take the place of a newer one."""
from support.conformance import Record, case, change, keyed, refused, values

SOURCE = "CREATE TABLE t (id int PRIMARY KEY, name text, lsn bigint)"
NUMBERED = "CREATE TABLE t (id int PRIMARY KEY, name text, v int)"
MARKED = "CREATE TABLE t (id int PRIMARY KEY, name text, v int, gone boolean NOT NULL DEFAULT false)"


def row(number, name, version, **more):
    return {"id": number, "name": name, "v": version, **more}


def gone(number, version):
    return change("d", before={"id": number, "v": version})


test_F40_the_position_in_the_source_is_the_version = case(
    SOURCE, values(change("c", {"id": 1, "name": "new"}, lsn=30), change("u", {"id": 1, "name": "old"}, lsn=20),
                   change("c", {"id": 2, "name": "first"}, lsn=9), change("u", {"id": 2, "name": "later"}, lsn=10),
                   change("c", {"id": 3, "name": "kept"}, lsn=40), change("d", before={"id": 3}, lsn=39),
                   change("c", {"id": 4, "name": "removed"}, lsn=40), change("d", before={"id": 4}, lsn=41)),
    version="@source.lsn", rows=["1|new|30", "2|later|10", "3|kept|40"])
test_F40b_positions_that_are_texts_compare_by_their_bytes = case(
    "CREATE TABLE t (id int PRIMARY KEY, name text, change_lsn text)",
    values(change("c", {"id": 1, "name": "new"}, change_lsn="00000027:00000ac0:0002"), change("u", {"id": 1, "name": "old"}, change_lsn="00000027:00000758:0005"),
           change("u", {"id": 1, "name": "newest"}, change_lsn="00000028:00000001:0001"), change("u", {"id": 1, "name": "older"}, change_lsn="00000027:ffffffff:0009")),
    version="@source.change_lsn", rows=["1|newest|00000028:00000001:0001"])
test_F40c_a_write_without_a_version_is_a_letter_and_the_others_are_applied = case(
    SOURCE, values(change("c", {"id": 1, "name": "a"}, lsn=1), change("u", {"id": 1, "name": "b"}), change("c", {"id": 2, "name": "c"}, lsn=None),
                   change("c", {"id": 3, "name": "d"}, lsn=1)),
    version="@source.lsn", rows=["1|a|1", "3|d|1"], letters={n: ("map", "23502", "@source.lsn") for n in (1, 2)})
test_F40d_equal_versions_apply = case(
    NUMBERED, values(row(1, "a", 5), row(1, "b", 5), row(2, "c", 5), gone(2, 5)), version="v", rows=["1|b|5"])
test_F40e_a_tombstone_has_no_version_and_applies = case(
    NUMBERED, keyed((b"1", row(1, "a", 5)), (b"1", None), (b"2", row(2, "b", 5)), (b"2", change("d", before={"id": 2}))), version="v", rows=[])
test_F40f_moments_of_any_zone_are_versions = case(
    "CREATE TABLE t (id int PRIMARY KEY, updated_at timestamptz)",
    values({"id": 1, "updated_at": "2024-01-01T12:00:00Z"}, {"id": 1, "updated_at": "2024-01-01T13:00:00+02:00"},
           {"id": 2, "updated_at": "2024-01-01T12:00:00Z"}, {"id": 2, "updated_at": "2024-01-01T11:30:00-01:00"}),
    version="updated_at", rows=["1|2024-01-01 12:00:00+00", "2|2024-01-01 12:30:00+00"])
test_F40g_a_version_within_a_field = case(
    "CREATE TABLE t (id int PRIMARY KEY, meta jsonb, version numeric)",
    values({"id": 1, "meta": {"version": 10.5}}, {"id": 1, "meta": {"version": 9.75}}, {"id": 2, "meta": {"version": 1e30}}, {"id": 2, "meta": {"version": -1}}),
    version="meta.version", query={"SELECT id, version FROM t": ["1|10.5", "2|1000000000000000000000000000000"]})
test_F40h_rows_that_are_there_already = case(
    NUMBERED + "; INSERT INTO t VALUES (1, 'newer', 9), (2, 'older', 1), (3, 'none', NULL), (4, 'newer', 9)",
    values(row(1, "x", 5), row(2, "x", 5), row(3, "x", 5), gone(4, 5), row(5, "x", 5)), version="v",
    rows=["1|newer|9", "2|x|5", "3|x|5", "4|newer|9", "5|x|5"], counts={"skipped": 2, "applied": 3})
test_F40i_mode_update_leaves_newer_rows_alone = case(
    NUMBERED + "; INSERT INTO t VALUES (1, 'newer', 9), (2, 'older', 1)", values(row(1, "x", 5), row(2, "x", 5), row(3, "x", 5)), version="v", mode="update",
    rows=["1|newer|9", "2|x|5"])
test_F40j_an_old_write_behind_a_delete_makes_the_row_anew_as_nothing_of_it_is_left = case(
    NUMBERED, values(row(1, "a", 5), gone(1, 6), row(1, "b", 4)), version="v", rows=["1|b|4"])
test_F40k_a_marked_row_keeps_its_version_and_holds_old_writes_back = case(
    MARKED, values(row(1, "a", 5), gone(1, 6), row(1, "b", 4), row(2, "a", 5), gone(2, 6), row(2, "again", 7), gone(3, 6), row(3, "late", 5)),
    version="v", delete="soft:gone", rows=["1|a|6|t", "2|again|7|f", r"3|\N|6|t"])
test_F40l_parts_of_rows_with_versions = case(
    "CREATE TABLE t (id int PRIMARY KEY, a text, b text, v int)",
    values({"id": 1, "a": "a1", "b": "b1", "v": 1}, {"id": 1, "a": "a3", "v": 3}, {"id": 1, "b": "b2", "v": 2}, {"id": 1, "b": "b4", "v": 4}),
    version="v", rows=["1|a3|b4|4"])
test_F40m_a_changed_key_leaves_a_newer_row_of_the_old_key = case(
    NUMBERED + "; INSERT INTO t VALUES (1, 'newer', 9), (3, 'older', 1)",
    values(change("u", row(2, "moved", 5), row(1, "x", 4)), change("u", row(4, "moved", 5), row(3, "older", 1))), version="v",
    rows=["1|newer|9", "2|moved|5", "4|moved|5"])
test_F40n_a_column_that_holds_no_versions_waits_in_state_schema = case(
    "CREATE TABLE t (id int PRIMARY KEY, v jsonb)", keyed((b"1", {"id": 1, "v": 1})), version="v", state=("schema", "no order of versions", 0))
test_F40q_a_delete_whose_version_is_null_marks_its_row = case(
    MARKED, [*values(row(1, "a", 5), gone(1, None), row(2, "b", 5), gone(2, None), row(2, "late", 4))], version="v", delete="soft:gone",
    rows=["1|a|5|t", "2|b|5|t"])
test_F40r_a_version_is_never_changed_by_a_policy = case(
    "CREATE TABLE t (id int PRIMARY KEY, name text, v smallint)", values(row(1, "new", 32767), row(1, "old", 40000), gone(1, 40000)), version="v", out_of_range="clamp",
    rows=["1|new|32767"], letters={n: ("map", "22003", "smallint") for n in (1, 2)})
test_F40o_a_version_needs_a_key = refused("route.version: needs a key", {"mode": "insert", "version": "v"})
test_F40p_a_version_cannot_be_part_of_the_key = refused("is not its key", {"key": ["id", "v"], "version": "v"})

# Every version of every row twice, the second time backwards, on three partitions.
REWOUND = [row(number, f"at {version}", version) for version in (3, 1, 4, 5, 2) for number in range(30)]
test_I10_a_rewind_never_takes_a_row_back = case(
    NUMBERED, [Record(b"%d" % one["id"], one, partition=one["id"] % 3) for one in REWOUND + REWOUND[::-1]], partitions=3, version="v",
    rows=[f"{number}|at 5|5" for number in range(30)])
