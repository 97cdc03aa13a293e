"""F: types and values, as JSON without a schema spells them."""
from support.conformance import Record, b64, case, change, decimal, keyed, typed, unscaled, values, wrapped


def column(kind, *pairs, ddl="", **more):
    """One column v of this type; pairs of what the event has and what COPY writes."""
    return case(f"{ddl} CREATE TABLE t (id int PRIMARY KEY, v {kind})", values(*[{"id": n, "v": pair[0]} for n, pair in enumerate(pairs)]),
                rows=[f"{n}|{pair[1]}" for n, pair in enumerate(pairs)], **more)


UUID = "9bc6a215-84b5-4865-a058-9156427c887a"

test_F01_text_becomes_a_uuid = column("uuid", (UUID, UUID), (UUID.upper(), UUID), ("{" + UUID + "}", UUID), (UUID.replace("-", ""), UUID))
test_F01b_text_becomes_json = column("json", ('{"id": 12345}', '{"id": 12345}'), ({"id": 12345}, '{"id": 12345}'), ("plain", '"plain"'), (5, "5"),
                                     (None, r"\N"), ([1, "a"], '[1, "a"]'), (True, "true"))
test_F01c_text_becomes_jsonb = column("jsonb", ('{"id": 12345}', '{"id": 12345}'), ({"id": {"b": [1, 2.5]}}, '{"id": {"b": [1, 2.5]}}'),
                                      ("plain", '"plain"'), (12345678901234567890, "12345678901234567890"))
test_F01d_an_update_writes_json_again = case(
    "CREATE TABLE t (id int PRIMARY KEY, j jsonb, u uuid); INSERT INTO t VALUES (1, '{}', NULL)",
    values(change("u", {"id": 1, "j": '{"a":1}', "u": UUID}, {"id": 1})), rows=['1|{"a": 1}|' + UUID])

test_F02_bytes_are_exact = column("bytea", (b64(b"\1\2\3"), r"\\x010203"), ("", r"\\x"), ("\\x0aFF", r"\\x0aff"), (b64(bytes(range(250, 256))), r"\\xfafbfcfdfeff"))

test_F03_extreme_dates = column("date", ("infinity", "infinity"), ("-infinity", "-infinity"), ("5874897-12-31", "5874897-12-31"),
                                ("4713-01-01 BC", "4713-01-01 BC"), ("0001-01-01", "0001-01-01"))
test_F03b_extreme_timestamps = column("timestamp", ("infinity", "infinity"), ("-infinity", "-infinity"),
                                      ("294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999"),
                                      ("4713-01-01 00:00:00 BC", "4713-01-01 00:00:00 BC"), ("2024-01-15T10:30:00", "2024-01-15 10:30:00"))
test_F03c_extreme_timestamps_with_zone = column(
    "timestamptz", ("infinity", "infinity"), ("-infinity", "-infinity"), ("294276-12-31T23:59:59.999999Z", "294276-12-31 23:59:59.999999+00"),
    ("2024-01-15T10:30:00+05:30", "2024-01-15 05:00:00+00"))
test_F03d_intervals = column("interval", ("1 year 2 mons 3 days 04:05:06.789", "1 year 2 mons 3 days 04:05:06.789"),
                             ("P1Y2M3DT4H5M6.123456S", "1 year 2 mons 3 days 04:05:06.123456"), ("-00:00:00.000001", "-00:00:00.000001"),
                             ("P0Y0M0DT0H0M0S", "00:00:00"))

test_F04_text_arrays = column("text[]", (["a"], "{a}"), (["a", "b", "c"], "{a,b,c}"), (["a", None, "c", None], "{a,NULL,c,NULL}"), ([], "{}"),
                              (None, r"\N"), (["", "NULL", 'q"', "b\\s", "a,b", "{x}", " s "], r'{"","NULL","q\\"","b\\\\s","a,b","{x}"," s "}'))
test_F05_arrays_of_other_types = case(
    "CREATE TABLE t (id int PRIMARY KEY, a varchar[], b int[], c boolean[], d numeric(8,2)[], e float8[], f bigint[])",
    values({"id": 1, "a": ["a", "b", "c"], "b": [1, 2, 42], "c": [False, True], "d": [1.005, "2.5", None], "e": [1e300, "NaN"],
            "f": [9223372036854775807]}), rows=["1|{a,b,c}|{1,2,42}|{f,t}|{1.01,2.50,NULL}|{1e+300,NaN}|{9223372036854775807}"])
test_F05b_arrays_of_times = case(
    "CREATE TABLE t (id int PRIMARY KEY, a date[], b timestamptz[], c time[], d interval[], e jsonb[], f bytea[])",
    values({"id": 1, "a": ["2024-01-01", "infinity"], "b": ["2024-01-01T10:00:00+02:00"], "c": ["12:00:01.5"], "d": ["1 day"],
            "e": [{"a": 1}, "x", None], "f": [b64(b"\1"), "\\x02"]}),
    rows=[r'1|{2024-01-01,infinity}|{"2024-01-01 08:00:00+00"}|{12:00:01.5}|{"1 day"}|{"{\\"a\\": 1}","\\"x\\"",NULL}|{"\\\\x01","\\\\x02"}'])
test_F05c_arrays_as_text = column("int[]", ("{1,2,NULL}", "{1,2,NULL}"), ("{}", "{}"), ([[1, 2], [3, 4]], "{{1,2},{3,4}}"), ([[[1]]], "{{{1}}}"))
test_F05d_an_array_with_a_bad_element_is_a_letter = case(
    "CREATE TABLE t (id int PRIMARY KEY, v int[])", values({"id": 1, "v": [1, "x"]}, {"id": 2, "v": [[1], [2, 3]]}, {"id": 3, "v": 5}, {"id": 4, "v": [4]}),
    rows=["4|{4}"], letters={0: ("write", "22P02", "integer"), 1: ("write", "22P02", "array"), 2: ("map", "22P02", "not an array")})
test_F05e_arrays_with_bounds_of_their_own = column("int[]", ("[0:1]={1,2}", "[0:1]={1,2}"), (" {3} ", "{3}"), ("[2:2][-1:0]={{1,2}}", "[2:2][-1:0]={{1,2}}"))
test_F05f_whole_numbers_of_an_array_in_other_clothes = case(
    "CREATE TABLE t (id int PRIMARY KEY, v int[], w bigint[])",
    [Record(None, b'{"id": 1, "v": [1.0, 1e3, -0.0, 2], "w": [9007199254740993.0]}'), Record(None, b'{"id": 2, "v": [1.5]}')],
    rows=["1|{1,1000,0,2}|{9007199254740993}"], letters={1: ("map", "22P02", "whole number")})
test_F06_several_arrays_in_a_row = case(
    "CREATE TABLE t (id int PRIMARY KEY, a text[], b uuid[])", values({"id": 1, "a": ["a", "b"], "b": [UUID, UUID.upper()]}),
    rows=["1|{a,b}|{%s,%s}" % (UUID, UUID)])

test_F07_hstore_with_quotes = column(
    "hstore", ({"quote": 'q"q', "back\\slash": "b\\b", "nullkey": None}, r'"quote"=>"q\\"q", "nullkey"=>NULL, "back\\\\slash"=>"b\\\\b"'),
    ('{"a":"1"}', '"a"=>"1"'), ('a=>1, b=>NULL', '"a"=>"1", "b"=>NULL'), ({}, ""))

test_F10_arrays_become_columns_of_their_own_types = case(
    "SELECT 1", values(wrapped({"id": typed("int32", optional=False),
                                "addresses": typed("array", items=typed("string"), parameters={"__debezium.source.column.type": "_INET"}),
                                "amounts": typed("array", items=decimal(1))},
                               {"id": 1, "addresses": ["10.0.0.1/8"], "amounts": [unscaled(15), None]})),
    evolve="tables", rows=["1|{10.0.0.1/8}|{1.5,NULL}"], query={
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 1": ["inet[]", "numeric[]"]})

test_F11_an_enum_with_capitals = column(
    '"Role"', ("assistant", "assistant"), ("user", "user"), ("it's", "it's"), ("assistant", "assistant"),
    ddl="CREATE TYPE \"Role\" AS ENUM ('assistant', 'user', 'it''s');")
test_F11b_an_array_of_enums = column(
    '"Role"[]', (["a b", "user"], '{"a b",user}'), ([], "{}"), (["user", None], "{user,NULL}"), ddl="CREATE TYPE \"Role\" AS ENUM ('a b', 'user');")
test_F11c_an_enum_as_key = case(
    "CREATE TYPE k AS ENUM ('b', 'a'); CREATE TABLE t (id k PRIMARY KEY, v int)", keyed((b"a", {"v": 1}), (b"b", {"v": 2}), (b"a", {"v": 3}), (b"b", None)),
    rows=["a|3"])

test_F14_infinite_moments_and_ranges = case(
    "CREATE TABLE t (id int PRIMARY KEY, a timestamptz, b timestamptz, c tsrange, d daterange)",
    values({"id": 1, "a": "-infinity", "b": "infinity", "c": '["2024-01-01 00:00:00",infinity]', "d": "[2024-01-01,)"}),
    rows=['1|-infinity|infinity|["2024-01-01 00:00:00",infinity]|[2024-01-01,)'])
MOMENTS = [("2024-01-15T10:30:00Z", "2024-01-15 10:30:00+00"), ("-infinity", "-infinity"), ("infinity", "infinity")]
test_F15_infinite_and_normal_moments_in_a_batch = column("timestamptz", *MOMENTS)
test_F15b_the_same_in_the_other_order = column("timestamptz", *reversed(MOMENTS))

test_F17_digits_of_timestamps = case(
    "CREATE TABLE t (id int PRIMARY KEY, " + ", ".join(f"t{n} timestamp({n})" for n in range(7)) + ")",
    values({"id": 1, **{f"t{n}": "2024-01-01T14:15:16.456789" for n in range(7)}}),
    rows=["1|" + "|".join("2024-01-01 14:15:" + s for s in ("16", "16.5", "16.46", "16.457", "16.4568", "16.45679", "16.456789"))])

test_F19_numbers_of_any_size = column(
    "numeric", (10, "10"), (1.50, "1.5"), ("1.50", "1.50"), ("-0.000000000000000000000000001", "-0.000000000000000000000000001"), ("1" * 200, "1" * 200),
    ("1e400", "1" + "0" * 400), ("NaN", "NaN"))
test_F19b_numbers_keep_the_digits_of_the_text = case(
    "CREATE TABLE t (id int PRIMARY KEY, v numeric, b bigint)",
    [Record(None, b'{"id": 1, "v": 123456789012345678901234567890.123456789, "b": 9007199254740993}'), Record(None, b'{"id": 2, "v": 1.10, "b": 1E3}')],
    rows=["1|123456789012345678901234567890.123456789|9007199254740993", "2|1.10|1000"])
test_F20_numbers_with_precision = case(
    "CREATE TABLE t (id int PRIMARY KEY, a numeric(2), b numeric(3,1), c numeric(24,1), d numeric(3,-2), e numeric(2,4))",
    values({"id": 1, "a": 14, "b": 10.25, "c": "10000000000000000000000.05", "d": 12345, "e": 0.00125}), rows=["1|14|10.3|10000000000000000000000.1|12300|0.0013"])
test_F20b_too_many_digits_are_a_letter = case(
    "CREATE TABLE t (id int PRIMARY KEY, a numeric(3,1))", values({"id": 1, "a": 99.94}, {"id": 2, "a": 99.96}, {"id": 3, "a": "Infinity"}), rows=["1|99.9"],
    letters={1: ("write", "22003", "overflow"), 2: ("write", "22003", "overflow")})
test_F20c_floats = case(
    "CREATE TABLE t (id int PRIMARY KEY, a real, b float8)",
    values({"id": 1, "a": 0.1, "b": 0.1}, {"id": 2, "a": "NaN", "b": "-Infinity"}, {"id": 3, "a": 1e39, "b": 1}, {"id": 4, "a": 1, "b": 1e-310}),
    rows=["1|0.1|0.1", "2|NaN|-Infinity", "4|1|1e-310"], letters={2: ("map", "22003", "value.a")})

test_F22_bytes_in_base64_and_in_hexadecimal = case(
    "CREATE TABLE t (id int PRIMARY KEY, a bytea, b text)",
    values({"id": 1, "a": b64(b"hello"), "b": b64(b"hello")}, {"id": 2, "a": "-_-_", "b": "-_-_"}, {"id": 3, "a": "+/+/", "b": "x"},
           {"id": 4, "a": "\\x68656c6c6f", "b": "68656c6c6f"}),
    rows=[r"1|\\x68656c6c6f|aGVsbG8=", r"2|\\xfbffbf|-_-_", r"3|\\xfbffbf|x", r"4|\\x68656c6c6f|68656c6c6f"])

test_F22f_bytes_in_postgresqls_escapes = case(
    "CREATE TABLE t (id int PRIMARY KEY, v bytea)",
    values({"id": 1, "v": "a\\000\\377"}, {"id": 2, "v": "\\\\"}, {"id": 3, "v": "\\"}, {"id": 4, "v": "C:\\temp"}, {"id": 5, "v": "\\400"}),
    rows=[r"1|\\x6100ff", r"2|\\x5c"], letters={n: ("map", "22P02", "octal") for n in (2, 3, 4)})

test_F23_types_that_the_server_reads = case(
    "CREATE TABLE t (id int PRIMARY KEY, a oid, b ltree, c citext, d inet, e cidr, f macaddr, g macaddr8, h xml, i pg_lsn, j name, k \"char\")",
    values({"id": 1, "a": 3802, "b": "abc.xyz", "c": "AbCd", "d": "192.168.1.0", "e": "10.0.0.0/8", "f": "08:00:2b:01:02:03",
            "g": "08:00:2b:01:02:03:04:05", "h": "<a>1</a>", "i": "16/B374D848", "j": "n", "k": "x"}),
    rows=["1|3802|abc.xyz|AbCd|192.168.1.0|10.0.0.0/8|08:00:2b:01:02:03|08:00:2b:01:02:03:04:05|<a>1</a>|16/B374D848|n|x"])
test_F23b_bits_and_money = case(
    "CREATE TABLE t (id int PRIMARY KEY, a bit(4), b varbit, c bit, d money, e bit varying(8))",
    values({"id": 1, "a": "0101", "b": "011", "c": True, "d": "12.34", "e": "00000001"}, {"id": 2, "a": None, "c": "0", "d": -1.5}),
    query={"SELECT id, a, b, c, d::numeric, e FROM t": ["1|0101|011|1|12.34|00000001", r"2|\N|\N|0|-1.50|\N"]})
test_F23d_one_byte_of_the_type_char = case(
    "CREATE TABLE t (id int PRIMARY KEY, v \"char\", a \"char\"[])",
    values({"id": 1, "v": "x", "a": ["y", ""]}, {"id": 2, "v": ""}, {"id": 3, "v": "ab"}, {"id": 4, "v": "é"}, {"id": 5, "a": ["ab"]}, {"id": 6, "v": 7}),
    rows=['1|x|{y,""}', r"2||\N", r"6|7|\N"], letters={n: ("map", "22001", "one byte") for n in (2, 3, 4)})
test_F23e_names_are_not_cut = case(
    "CREATE TABLE t (id int PRIMARY KEY, v name, a name[])", values({"id": 1, "v": "x" * 63, "a": ["y" * 63]}, {"id": 2, "v": "x" * 64}, {"id": 3, "a": ["x" * 64]}),
    rows=["1|" + "x" * 63 + "|{" + "y" * 63 + "}"], letters={1: ("write", "42622", ""), 2: ("map", "42622", "63 bytes")})
test_F23c_shapes = case(
    "CREATE TABLE t (id int PRIMARY KEY, a point, b line, c lseg, d box, e path, f polygon, g circle)",
    values({"id": 1, "a": "(1,2)", "b": "{1,2,3}", "c": "[(0,0),(1,1)]", "d": "(1,1),(0,0)", "e": "[(0,0),(1,1)]", "f": "((0,0),(1,1),(1,0))",
            "g": "<(0,0),1>"}, {"id": 2, "a": {"x": 1.25, "y": -2}}),
    rows=["1|(1,2)|{1,2,3}|[(0,0),(1,1)]|(1,1),(0,0)|[(0,0),(1,1)]|((0,0),(1,1),(1,0))|<(0,0),1>", r"2|(1.25,-2)" + r"|\N" * 6])

test_F24_ranges = case(
    "CREATE TABLE t (id int PRIMARY KEY, a int4range, b int8range, c numrange, d tsrange, e tstzrange, f daterange, g int4multirange)",
    values({"id": 1, "a": "[1000,6000)", "b": "[1,2]", "c": "[5.3,6.3)", "d": '["2019-03-31 15:30:00",infinity)',
            "e": '["2017-06-05 11:29:12.549426+00",)', "f": "[2019-03-31,infinity)", "g": "{[1,3),[5,7)}"}, {"id": 2, "a": "empty"}),
    rows=['1|[1000,6000)|[1,3)|[5.3,6.3)|["2019-03-31 15:30:00",infinity)|["2017-06-05 11:29:12.549426+00",)|[2019-03-31,infinity)|{[1,3),[5,7)}',
          "2|empty" + r"|\N" * 6])

test_F25_words_of_a_text_search = column("tsvector", ("'it''s' 'new york' 'plain'", "'it''s' 'new york' 'plain'"), ("a:1A b:2", "'a':1A 'b':2"))
test_F26_times_at_the_edge = column("time", ("24:00:00", "24:00:00"), ("12:13:14.1234565", "12:13:14.123456"), ("12:13:14.1234575", "12:13:14.123458"), ("01:02:03 PM", "13:02:03"), ("00:00", "00:00:00"))
test_F26b_times_with_zone = column("timetz", ("24:00:00+05:30", "24:00:00+05:30"), ("12:13:14.123456789+09:00", "12:13:14.123457+09"), ("10:00:00Z", "10:00:00+00"))
test_F29_everything_set_and_then_null = case(
    "CREATE TABLE t (id int PRIMARY KEY, a text, b int, c jsonb, d date, e text[], f numeric)",
    values({"id": 1, "a": "x", "b": 1, "c": {}, "d": "2024-01-01", "e": ["x"], "f": 1}, {"id": 2, "a": None, "b": None, "c": None, "d": None, "e": None, "f": None}),
    rows=["1|x|1|{}|2024-01-01|{x}|1", "2" + r"|\N" * 6])
test_F32_a_date_is_not_shifted_by_a_zone = case(
    "CREATE TABLE t (id int PRIMARY KEY, d date, a timestamp); DO $$ BEGIN EXECUTE format('ALTER ROLE app IN DATABASE %I SET timezone = ''America/New_York''', current_database()); END $$",
    values({"id": 1, "d": "1970-01-01", "a": "1970-01-01T00:00:00"}, {"id": 2, "d": "1970-01-01T00:00:00", "a": "1970-01-01"}),
    query={"SELECT id, d, a FROM t": ["1|1970-01-01|1970-01-01 00:00:00", "2|1970-01-01|1970-01-01 00:00:00"]})
test_F34_numbers_that_are_none = column("numeric", ("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity"))
test_F34b_numbers_in_any_spelling_of_the_server = case(
    "CREATE TABLE t (id int PRIMARY KEY, a numeric, b float8, c real, d int)",
    values({"id": 1, "a": "nan", "b": "-inf", "c": "INF", "d": " 7 "}, {"id": " 2", "a": " 1.50 ", "b": "+2.5", "c": "nan", "d": "+8"}),
    rows=["1|NaN|-Infinity|Infinity|7", "2|1.50|2.5|NaN|8"])
test_F35_digits_offsets_and_years = column(
    "timestamptz", *[(f"2024-01-01T00:00:00.{'123456789'[:n]}Z", f"2024-01-01 00:00:00.{'123456'[:n]}+00") for n in range(1, 7)],
    ("2024-01-01T00:00:00.1234567Z", "2024-01-01 00:00:00.123457+00"), ("2024-01-01T00:00:00.123456499Z", "2024-01-01 00:00:00.123456+00"),
    ("2024-01-01T00:00:00+07:00", "2023-12-31 17:00:00+00"), ("2024-01-01T00:00:00-0330", "2024-01-01 03:30:00+00"),
    ("2024-01-01 00:00:00+07", "2023-12-31 17:00:00+00"), ("+12024-01-01T00:00:00Z", "12024-01-01 00:00:00+00"),
    ("12024-01-01T00:00:00Z", "12024-01-01 00:00:00+00"), ("-0001-01-01T00:00:00Z", "0002-01-01 00:00:00+00 BC"))
test_F35c_other_forms_with_one_meaning = column(
    "timestamptz", ("20240105T101112.5Z", "2024-01-05 10:11:12.5+00"), ("2024/1/5 9:05", "2024-01-05 09:05:00+00"), ("2024-01-05 10:11:12 UTC", "2024-01-05 10:11:12+00"),
    (" 2024-1-5 ", "2024-01-05 00:00:00+00"), ("20240105 101112+02", "2024-01-05 08:11:12+00"),
    ("Fri, 05 Jan 2024 10:11:12 GMT", "2024-01-05 10:11:12+00"), ("5 January 2024 3:04 PM", "2024-01-05 15:04:00+00"), ("2024-005", "2024-01-05 00:00:00+00"))
test_F35d_what_the_server_refuses_is_a_letter_with_its_code = case(
    "CREATE TABLE t (id int PRIMARY KEY, v timestamptz, l date[])",
    values({"id": 1, "v": "2024-01-01 00:00+15:59"}, {"id": 2, "v": "2024-01-01T00:00:00+16:00"}, {"id": 3, "v": "0000-01-01T00:00:00Z"}, {"id": 4, "v": "01/02/2024"},
           {"id": 5, "l": ["0000-12-31"]}, {"id": 6, "v": "+0000-01-01T00:00:00Z"}),
    rows=[r"1|2023-12-31 08:01:00+00|\N", r"6|0001-01-01 00:00:00+00 BC|\N"],
    letters={1: ("map", "22009", "time zone"), 2: ("map", "22008", "value.v"), 3: ("map", "22007", "DateStyle"), 4: ("map", "22008", "value.l")})
test_F35b_moments_beyond_the_calendar_are_letters = case(
    "CREATE TABLE t (id int PRIMARY KEY, v timestamptz)",
    values({"id": 1, "v": "294277-01-01T00:00:00Z"}, {"id": 2, "v": "2024-13-01T00:00:00Z"}, {"id": 3, "v": "2024-01-01T00:00:60Z"}, {"id": 4, "v": ""}),
    query={"SELECT id, v FROM t WHERE id <> 3": []}, letters={0: ("map", "22008", "value.v"), 1: ("map", "22008", "value.v"), 3: ("map", "22007", "value.v")})
test_F36_json_with_quotes = column("jsonb", ({"q": "''"}, '{"q": "\'\'"}'), ('{"q":"it\'s \\"x\\" \\\\"}', r'{"q": "it' + r"'s \\" + r'"x\\" \\\\"}'))
test_F36b_text_with_everything_in_it = column(
    "text", ("it's \"x\" \\ $1 %s", r'it' + r"'s " + r'"x" \\ $1 %s'), ("tab\tline\n", r"tab\tline\n"), ("🐟é\u2028", "🐟é\u2028"), ("", ""), ("NULL", "NULL"),
    (5, "5"), (1.50, "1.5"), (True, "true"), ({"a": [1]}, '{"a": [1]}'), ([1, "x"], '[1, "x"]'))
test_F37_text_with_a_zero_is_a_letter_and_the_batch_goes_on = case(
    "CREATE TABLE t (id int PRIMARY KEY, a text, j jsonb, k json, l text[])",
    values({"id": 1, "a": "a\0b"}, {"id": 2, "a": "fine"}, {"id": 3, "j": {"x": "\0"}}, {"id": 4, "k": {"x": ["\0"]}}, {"id": 5, "l": ["\0"]}, {"id": 6, "j": {"\0": 1}}),
    query={"SELECT id FROM t": ["2"]},
    letters={n: ("map", "22P05", "U+0000") for n in (0, 2, 3, 4, 5)})
test_F38_an_array_of_composites = case(
    "CREATE TYPE span AS (name text, n int, tags text[]); CREATE TABLE t (id int PRIMARY KEY, one span, many span[])",
    values({"id": 1, "one": {"name": 'a "b", (c)', "n": 1, "tags": ["x", "y"]},
            "many": [{"name": "a", "n": 1, "tags": None}, {"n": 2, "name": ""}, None]}, {"id": 2, "one": "(x,1,{})", "many": []}),
    query={"SELECT id, (one).name, (one).n, (one).tags FROM t": ['1|a "b", (c)|1|{x,y}', "2|x|1|{}"],
           "SELECT (many[1]).name, (many[2]).n, (many[2]).name = '', many[3] IS NULL, cardinality(many) FROM t WHERE id = 1": ["a|2|t|t|3"]})
test_F38b_composites_within_composites = case(
    "CREATE TYPE inner_t AS (x numeric, at timestamptz); CREATE TYPE outer_t AS (i inner_t, j jsonb, l inner_t[]); CREATE TABLE t (id int PRIMARY KEY, v outer_t)",
    values({"id": 1, "v": {"i": {"x": 1.50, "at": "2024-01-01T00:00:00Z"}, "j": {"a": "b"}, "l": [{"x": 2}, {"x": 3}]}}),
    query={"SELECT (v).i.x, (v).i.at, (v).j, (v).l[2].x FROM t": ['1.5|2024-01-01 00:00:00+00|{"a": "b"}|3']})
test_F38c_a_composite_with_an_unknown_field_is_a_letter = case(
    "CREATE TYPE span AS (name text, n int); CREATE TABLE t (id int PRIMARY KEY, v span)",
    values({"id": 1, "v": {"name": "a", "more": 1}}, {"id": 2, "v": {"name": "b", "n": "x"}}, {"id": 3, "v": {"n": 1}}),
    query={"SELECT id, (v).n FROM t": ["3|1"]}, letters={0: ("map", "42703", "a field that the type does not have"), 1: ("write", "22P02", "integer")})
test_F39_booleans = column("boolean", (True, "t"), (False, "f"), (1, "t"), (0, "f"), ("yes", "t"), ("off", "f"), ("T", "t"), ("0", "f"), (None, r"\N"))
test_F39b_domains_over_other_types = case(
    "CREATE DOMAIN age AS int CHECK (value > 0); CREATE DOMAIN moment AS timestamptz; CREATE DOMAIN doc AS jsonb; CREATE DOMAIN amount AS numeric(6,2);"
    "CREATE DOMAIN tags AS text[]; CREATE DOMAIN blob AS bytea; CREATE TABLE t (id age PRIMARY KEY, m moment, d doc, a amount, g tags, b blob)",
    values({"id": 1, "m": "2024-01-01T00:00:00Z", "d": {"a": 1}, "a": "1.005", "g": ["x"], "b": "AQI="}),
    rows=[r'1|2024-01-01 00:00:00+00|{"a": 1}|1.01|{x}|\\x0102'])
test_F39c_varchar_and_char = case(
    "CREATE TABLE t (id int PRIMARY KEY, a varchar(3), b char(3))", values({"id": 1, "a": "abc  ", "b": "a"}, {"id": 2, "a": "äöü", "b": "äöü"}),
    rows=["1|abc|a  ", "2|äöü|äöü"])
