"""F: values that their columns cannot hold, and what the settings of a route make of them."""
from support.conformance import Record, case, values

FFFD = "\ufffd"
NUL = values({"id": 1, "a": "a\0b"}, {"id": 2, "a": "fine", "j": {"\0x": ["\0"]}}, {"id": 3, "k": {"x": "a\0"}, "l": ["\0", "b\0c"]}, {"id": 4, "n": "1\0"})
TEXTS = "CREATE TABLE t (id int PRIMARY KEY, a text, j jsonb, k json, l text[], n int)"


def raw(text):
    return Record(None, text)


test_F37b_a_zero_is_left_out_of_texts_and_a_number_with_one_is_a_letter = case(
    TEXTS, NUL, nul="strip", rows=[r"1|ab|\N|\N|\N|\N", r'2|fine|{"x": [""]}|\N|\N|\N', r'3|\N|\N|{"x": "a"}|{"",bc}|\N'], letters={3: ("map", "22P05", "value.n")})
test_F37c_a_zero_is_replaced = case(
    TEXTS, NUL, nul="replace", letters={3: ("map", "22P05", "value.n")},
    rows=[rf"1|a{FFFD}b|\N|\N|\N|\N", rf'2|fine|{{"{FFFD}x": ["{FFFD}"]}}|\N|\N|\N', rf'3|\N|\N|{{"x": "a{FFFD}"}}|{{{FFFD},b{FFFD}c}}|\N'])
test_F37d_a_key_is_never_changed = case(
    "CREATE TABLE t (id text PRIMARY KEY, n smallint)", [*values({"id": "a\0"}, {"id": "a"}), raw(b'{"id":"b\xff"}'), *values({"id": "c", "n": 40000})],
    nul="strip", utf8="replace", too_long="truncate", out_of_range="clamp", rows=[r"a|\N", "c|32767"],
    letters={0: ("map", "22P05", "value.id"), 2: ("map", "22021", "value.id")})
test_F37e_what_is_not_utf_8_is_replaced_where_it_is = case(
    TEXTS, [raw(b'{"id":1,"a":"x\xff\xe2\x82y","j":{"k":"\xc0"},"l":["\xf0\x9f"]}'), raw(b'{"id":2,"a":"\\ud83d \\ud83d\\ude00"}'), raw(b'{"id":3,"n":"1\xff"}')],
    utf8="replace", rows=[rf'1|x{FFFD}{FFFD}y|{{"k": "{FFFD}"}}|\N|{{{FFFD}}}|\N', rf"2|{FFFD} 😀|\N|\N|\N|\N"], letters={2: ("map", "22P02", "value.n")})
test_F39d_texts_are_cut_by_characters = case(
    "CREATE TABLE t (id int PRIMARY KEY, a varchar(3), b char(2), c varchar(2)[], d text)",
    values({"id": 1, "a": "äöü😀", "b": "abc", "c": ["abc", "d"], "d": "abcd"}, {"id": 2, "a": "abc  ", "b": "a", "c": [], "d": ""}), too_long="truncate",
    rows=["1|äöü|ab|{ab,d}|abcd", "2|abc|a |{}|"])
NUMBERS = "CREATE TABLE t (id int PRIMARY KEY, i smallint, b bigint, n numeric(5,2), r real, l smallint[])"
BEYOND = values({"id": 1, "i": 40000, "b": 1e30, "n": 12345.6, "r": 1e39, "l": [1, 40000]}, {"id": 2, "i": -40000, "b": "-9223372036854775809", "n": -99999, "r": -1e39},
                {"id": 3, "i": 1, "b": 2, "n": 999.994, "r": 0.5, "l": [1]})
test_F47_numbers_out_of_range_become_the_nearest = case(
    NUMBERS, BEYOND, out_of_range="clamp",
    rows=["1|32767|9223372036854775807|999.99|3.4028235e+38|{1,32767}", r"2|-32768|-9223372036854775808|-999.99|-3.4028235e+38|\N", "3|1|2|999.99|0.5|{1}"])
test_F47b_numbers_out_of_range_become_null = case(
    NUMBERS, BEYOND, out_of_range="null", rows=[r"1|\N|\N|\N|\N|{1,NULL}", "2" + r"|\N" * 5, "3|1|2|999.99|0.5|{1}"])
test_F47c_null_is_for_columns_that_may_be_null_and_clamp_for_what_has_a_neighbour = case(
    "CREATE TABLE t (id int PRIMARY KEY, i smallint NOT NULL)", values({"id": 1, "i": 40000}, {"id": 2, "i": 4}), out_of_range="null", rows=["2|4"],
    letters={0: ("map", "22003", "value.i")})
test_F47d_nan_has_no_neighbour = case(
    "CREATE TABLE t (id int PRIMARY KEY, i smallint)", values({"id": 1, "i": "NaN"}, {"id": 2, "i": 40000}), out_of_range="clamp", rows=["2|32767"],
    letters={0: ("map", "22003", "value.i")})
MOMENTS = "CREATE TABLE t (id int PRIMARY KEY, d date, a timestamptz, c time)"
FAR = values({"id": 1, "d": "9999999-01-01", "a": "300000-01-01T00:00:00Z", "c": "24:30:00"}, {"id": 2, "d": "0000-00-00"}, {"id": 3, "d": "2024-02-03", "a": "infinity", "c": "24:00"})
test_F47e_moments_beyond_the_calendar_become_the_nearest = case(
    MOMENTS, FAR, out_of_range="clamp", rows=["1|5874897-12-31|294276-12-31 23:59:59.999999+00|24:00:00", r"3|2024-02-03|infinity|24:00:00"],
    letters={1: ("map", "22008", "value.d")})
test_F47f_moments_beyond_the_calendar_become_null = case(
    MOMENTS, FAR, out_of_range="null", rows=["1" + r"|\N" * 3, "2" + r"|\N" * 3, "3|2024-02-03|infinity|24:00:00"])


def counts(unit, *rows):
    """Counts without a schema, of this unit; each row is the count of a moment and that of a day's time."""
    return case("CREATE TABLE t (id int PRIMARY KEY, a timestamptz, d date, c time)",
                values(*[{"id": n, "a": moment, "d": moment, "c": time} for n, (moment, time) in enumerate(rows)]), time_unit=unit,
                rows=[f"{n}|2023-11-14 22:13:20+00|2023-11-14|12:34:56" for n in range(len(rows))])


EVERY = [(1700000000 * 1000**n, 45296 * 1000**n) for n in range(4)]
test_F46_counts_of_seconds = counts("s", EVERY[0])
test_F46b_counts_of_milliseconds = counts("ms", EVERY[1])
test_F46c_counts_of_microseconds = counts("us", EVERY[2])
test_F46d_counts_of_nanoseconds = counts("ns", EVERY[3])
test_F46e_counts_whose_magnitude_says_the_unit = counts("auto", *EVERY)
test_F46f_a_count_without_a_unit_is_a_letter = case(
    "CREATE TABLE t (id int PRIMARY KEY, a timestamptz)", values({"id": 1, "a": 1700000000}, {"id": 2, "a": "2024-01-01T00:00:00Z"}),
    rows=["2|2024-01-01 00:00:00+00"], letters={0: ("map", "22007", "value.a")})
test_F46g_texts_and_fractions_are_not_counts = case(
    "CREATE TABLE t (id int PRIMARY KEY, a timestamptz, n bigint)",
    values({"id": 1, "a": "1700000000"}, {"id": 2, "a": 1700000000.5}, {"id": 3, "a": "2024-01-01T00:00:00Z", "n": 1700000000}), time_unit="s",
    rows=["3|2024-01-01 00:00:00+00|1700000000"], letters={0: ("map", "22008", "value.a"), 1: ("map", "22P02", "value.a")})
