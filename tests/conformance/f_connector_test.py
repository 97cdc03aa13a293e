"""F: types and values, as Debezium and Connect send them with a schema."""
from support.conformance import b64, case, decimal, keyed, named, typed, unscaled, values, wrapped, wrapped_change

DAY, SECOND = 86_400_000, 1_000_000  # in milliseconds, in microseconds
UUID = "9bc6a215-84b5-4865-a058-9156427c887a"


def debezium(name):
    return f"io.debezium.{name}"


def typed_column(kind, schema, *pairs, ddl="", **more):
    """One column v of this type, as Debezium's envelope and as a Connect row have it."""
    fields = {"id": typed("int32", optional=False), "v": schema}
    events = [wrapped_change(fields, "c", {"id": n, "v": pair[0]}) for n, pair in enumerate(pairs)]
    rows = [wrapped(fields, {"id": n + len(pairs), "v": pair[0]}) for n, pair in enumerate(pairs)]
    return case(f"{ddl} CREATE TABLE t (id int PRIMARY KEY, v {kind})", values(*events, *rows),
                rows=[f"{n}|{pair[1]}" for n, pair in enumerate(pairs * 2)], **more)


test_F41a_dates = typed_column("date", typed("int32", debezium("time.Date")), (0, "1970-01-01"), (19000, "2022-01-08"), (-719528, "0001-01-01 BC"), (None, r"\N"))
test_F41_dates_of_connect = typed_column("date", typed("int32", "org.apache.kafka.connect.data.Date"), (0, "1970-01-01"), (19000, "2022-01-08"))
test_F41b_dates_as_iso_text = typed_column("date", typed("string", debezium("time.IsoDate")), ("2022-01-08Z", "2022-01-08"), ("1970-01-01", "1970-01-01"))
test_F41c_dates_as_text_in_text_columns = typed_column("text", typed("int32", debezium("time.Date")), (19000, "2022-01-08"))

test_F42_times = typed_column("time", typed("int32", debezium("time.Time")), (0, "00:00:00"), (DAY - 1, "23:59:59.999"), (DAY, "24:00:00"))
test_F42b_times_in_microseconds = typed_column("time", typed("int64", debezium("time.MicroTime")), (1, "00:00:00.000001"), (DAY * 1000, "24:00:00"))
test_F42c_times_in_nanoseconds = typed_column("time", typed("int64", debezium("time.NanoTime")), (1500, "00:00:00.000002"), (DAY * SECOND, "24:00:00"))
test_F42d_times_of_connect = typed_column("time", typed("int32", "org.apache.kafka.connect.data.Time"), (3661001, "01:01:01.001"))
test_F42e_times_as_iso_text = typed_column("time", typed("string", debezium("time.IsoTime")), ("14:15:16.123456Z", "14:15:16.123456"), ("14:15:16Z", "14:15:16"))
test_F42f_times_with_zone = typed_column("timetz", typed("string", debezium("time.ZonedTime")), ("14:15:16.5Z", "14:15:16.5+00"), ("14:15:16+02:00", "14:15:16+02"))

test_F16_timestamps_in_milliseconds = typed_column("timestamp", typed("int64", debezium("time.Timestamp")), (1705314600000, "2024-01-15 10:30:00"),
                                                   (1740816930000, "2025-03-01 08:15:30"), (-1, "1969-12-31 23:59:59.999"))
test_F16b_timestamps_in_microseconds = typed_column("timestamp", typed("int64", debezium("time.MicroTimestamp")), (1705314600000001, "2024-01-15 10:30:00.000001"),
                                                    (253402300799999999, "9999-12-31 23:59:59.999999"))
test_F16c_timestamps_in_nanoseconds = typed_column("timestamp", typed("int64", debezium("time.NanoTimestamp")), (1705314600000000500, "2024-01-15 10:30:00"), (1705314600000001500, "2024-01-15 10:30:00.000002"),
                                                   (-500, "1970-01-01 00:00:00"))
test_F16d_timestamps_of_connect = typed_column("timestamp", typed("int64", "org.apache.kafka.connect.data.Timestamp"), (1705314600123, "2024-01-15 10:30:00.123"))
test_F16e_timestamps_as_iso_text = typed_column("timestamp", typed("string", debezium("time.IsoTimestamp")), ("2024-01-15T10:30:00.123456Z", "2024-01-15 10:30:00.123456"))
test_F16f_timestamps_with_zone = typed_column("timestamptz", typed("string", debezium("time.ZonedTimestamp")), ("2024-01-15T10:30:00.5Z", "2024-01-15 10:30:00.5+00"),
                                              ("2024-01-15T10:30:00+02:00", "2024-01-15 08:30:00+00"), ("infinity", "infinity"), ("-infinity", "-infinity"))
test_F16g_milliseconds_in_a_column_with_zone = typed_column("timestamptz", typed("int64", debezium("time.Timestamp")), (1705314600000, "2024-01-15 10:30:00+00"))
test_F16h_timestamps_in_a_date_column = typed_column("date", typed("int64", debezium("time.Timestamp")), (1705314600000, "2024-01-15"))
test_F14b_infinity_in_microseconds = typed_column("timestamp", typed("int64", debezium("time.MicroTimestamp")), (9223372036825200000, "infinity"),
                                                  (-9223372036832400000, "-infinity"))

test_F17b_digits_of_timestamps = case(
    "CREATE TABLE t (id int PRIMARY KEY, " + ", ".join(f"t{n} timestamp({n})" for n in range(1, 7)) + ")",
    values(wrapped_change({"id": "int32", **{f"t{n}": typed("int64", debezium("time.MicroTimestamp")) for n in range(1, 7)}}, "c",
                          {"id": 1, **{f"t{n}": 1704118516456789 for n in range(1, 7)}})),
    rows=["1|" + "|".join("2024-01-01 14:15:16." + s for s in ("5", "46", "457", "4568", "45679", "456789"))])

test_F18_intervals_in_microseconds = typed_column("interval", typed("int64", debezium("time.MicroDuration")), (37091106123456, "10303:05:06.123456"),
                                                  (-1, "-00:00:00.000001"), (45296123456, "12:34:56.123456"))
test_F27_intervals_as_iso_text = typed_column("interval", typed("string", debezium("time.Interval")), ("P1Y2M3DT4H5M6.123456S", "1 year 2 mons 3 days 04:05:06.123456"),
                                              ("P0Y0M0DT0H0M-0.000001S", "-00:00:00.000001"))

test_F21_decimals = typed_column("numeric(20,4)", decimal(4), (unscaled(123456), "12.3456"), (unscaled(-1), "-0.0001"), (unscaled(10**18), "100000000000000.0000"), (None, r"\N"))
test_F21b_decimals_in_other_columns = case(
    "CREATE TABLE t (id int PRIMARY KEY, a int, b float8, c text, d jsonb, e bigint)",
    values(wrapped_change({"id": "int32", "a": decimal(0), "b": decimal(2), "c": decimal(2), "d": decimal(1), "e": decimal(1)}, "c",
                          {"id": 1, "a": unscaled(7), "b": unscaled(150), "c": unscaled(150), "d": unscaled(15), "e": unscaled(10)})),
    rows=["1|7|1.5|1.50|1.5|1"])
test_F21c_decimals_of_negative_scale = typed_column("numeric", decimal(-2), (unscaled(12), "1200"))
VARIABLE = typed([named("scale", "int32", optional=False), named("value", "bytes", optional=False)], debezium("data.VariableScaleDecimal"))
test_F21d_decimals_with_a_scale_of_their_own = typed_column("numeric", VARIABLE, ({"scale": 3, "value": unscaled(1234567)}, "1234.567"), ({"scale": 0, "value": unscaled(-5)}, "-5"),
                                                            (None, r"\N"))
test_F21e_decimals_as_text = typed_column("numeric", typed("string"), ("1234.5670", "1234.5670"), ("NaN", "NaN"), ("1E+3", "1000"))
test_F21f_decimals_as_doubles = typed_column("numeric(8,2)", typed("double"), (1234.5, "1234.50"), (-0.01, "-0.01"))
test_F21g_arrays_of_decimals = typed_column("numeric(8,2)[]", typed("array", items=decimal(2)), ([unscaled(150), None], "{1.50,NULL}"), ([], "{}"))
test_F20d_a_unique_decimal_key = case(
    "CREATE TABLE t (id numeric(10,2) PRIMARY KEY, v int)",
    keyed((b'{"schema":{"type":"struct","fields":[{"type":"bytes","optional":false,"name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},'
           b'"field":"id"}],"optional":false},"payload":{"id":"' + unscaled(150).encode() + b'"}}',
           wrapped_change({"id": decimal(2), "v": "int32"}, "c", {"id": unscaled(150), "v": 1})),
          (b"1.5", {"v": 2})), rows=["1.50|2"])

test_F22c_bytes = typed_column("bytea", typed("bytes"), (b64(b"hello"), r"\\x68656c6c6f"), ("", r"\\x"), (None, r"\N"))
test_F22d_bytes_in_base64_for_addresses = typed_column("bytea", typed("string"), (b64(b"\xfb\xff"), r"\\xfbff"), ("-_8=", r"\\xfbff"), ("-_8", r"\\xfbff"))
test_F22e_bytes_in_text_columns = typed_column("text", typed("bytes"), (b64(b"hello"), r"\\x68656c6c6f"))

test_F28_bits = typed_column("bit(10)", typed("bytes", debezium("data.Bits"), parameters={"length": "10"}), (b64(bytes([0b00000101, 0b10])), "1000000101"))
test_F28b_varying_bits = typed_column("varbit(16)", typed("bytes", debezium("data.Bits"), parameters={"length": "16"}), (b64(bytes([0b101])), "101"), (b64(bytes([0, 1])), "100000000"))
test_F28c_a_single_bit_is_a_boolean = typed_column("bit(1)", typed("boolean"), (True, "1"), (False, "0"))
test_F28d_bits_in_boolean_columns = typed_column("boolean", typed("boolean"), (True, "t"), (False, "f"))

test_F30_words = case(
    "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id int PRIMARY KEY, a mood, b xml, c ltree, d uuid, e jsonb, f json, g text, h int, i citext)",
    values(wrapped_change({"id": "int32", "a": typed("string", debezium("data.Enum"), parameters={"allowed": "sad,ok"}), "b": typed("string", debezium("data.Xml")),
                           "c": typed("string", debezium("data.Ltree")), "d": typed("string", debezium("data.Uuid")), "e": typed("string", debezium("data.Json")),
                           "f": typed("string", debezium("data.Json")), "g": typed("string", debezium("data.EnumSet"), parameters={"allowed": "a,b,c"}),
                           "h": typed("int32", debezium("time.Year")), "i": "string"}, "c",
                          {"id": 1, "a": "ok", "b": "<a>1</a>", "c": "a.b", "d": UUID, "e": '{"b":1,"a":2}', "f": '{"b":1, "a":2}', "g": "a,c", "h": 2024, "i": "X"})),
    rows=['1|ok|<a>1</a>|a.b|' + UUID + '|{"a": 2, "b": 1}|{"b":1, "a":2}|a,c|2024|X'])
test_F30b_a_set_in_an_array_column = typed_column("text", typed("string", debezium("data.EnumSet"), parameters={"allowed": "a,b"}), ("a,b", "a,b"), ("", ""))
test_F30c_a_json_scalar_with_schema_is_json = typed_column("jsonb", typed("string", debezium("data.Json")), ('"text"', '"text"'), ("5", "5"), ("null", "null"), (None, r"\N"))

POINT = typed([named("x", "double", optional=False), named("y", "double", optional=False), named("wkb", "bytes"), named("srid", "int32")], debezium("data.geometry.Point"))
test_F13_points = typed_column("point", POINT, ({"x": 1.5, "y": -2.0, "wkb": b64(b"\1"), "srid": None}, "(1.5,-2)"), (None, r"\N"))
test_F13b_shapes_arrive_as_well_known_binary = case(
    # Where PostGIS is missing, a type with its name shows what it would be given.
    "CREATE DOMAIN shape AS text; CREATE TABLE t (id int PRIMARY KEY, v text)",
    values(wrapped_change({"id": "int32", "v": typed([named("wkb", "bytes"), named("srid", "int32")], debezium("data.geometry.Geometry"))}, "c",
                          {"id": 1, "v": {"wkb": b64(b"\1\2"), "srid": 4326}})), query={"SELECT id, v::jsonb FROM t": ['1|{"wkb": "AQI=", "srid": 4326}']})

test_E06_every_type_of_connect = case(
    "CREATE TABLE t (id int PRIMARY KEY, a smallint, b smallint, c int, d bigint, e real, f float8, g boolean, h text, i bytea, j text[], k jsonb, l jsonb, m int[])",
    values(wrapped({"id": "int32", "a": "int8", "b": "int16", "c": "int32", "d": "int64", "e": "float", "f": "double", "g": "boolean", "h": "string", "i": "bytes",
                    "j": typed("array", items=typed("string")), "k": typed("map", keys=typed("string"), values=typed("int32")),
                    "l": typed([named("x", "int32"), named("y", "bytes"), named("z", "int32", debezium("time.Date"))]), "m": typed("array", items=typed("int32"))},
                   {"id": 1, "a": -128, "b": 32767, "c": -2147483648, "d": 9223372036854775807, "e": 1.5, "f": 1e-300, "g": True, "h": "é", "i": "AQI=", "j": ["x", None],
                    "k": {"b": 1, "a": 2}, "l": {"x": 1, "y": "AQI=", "z": 0}, "m": [1, 2]})),
    query={"SELECT id, a, b, c, d, e, f, g, h, i, j, k, l->>'x', m FROM t":
           [r'1|-128|32767|-2147483648|9223372036854775807|1.5|1e-300|t|é|\\x0102|{x,NULL}|{"a": 2, "b": 1}|1|{1,2}']})
test_E06b_a_map_of_pairs = typed_column("jsonb", typed("map", keys=typed("int32"), values=typed("string")), ([[1, "a"], [2, "b"]], '[[1, "a"], [2, "b"]]'))
test_E06c_a_map_in_an_hstore_column = typed_column("hstore", typed("map", keys=typed("string"), values=typed("string")), ({"a": "1", "b": None}, '"a"=>"1", "b"=>NULL'))
test_E06e_a_map_of_pairs_in_an_hstore_column = typed_column("hstore", typed("map", keys=typed("int32"), values=typed("string")), ([[1, "a"], [2, None]], '"1"=>"a", "2"=>NULL'), ([], ""))
test_E06d_arrays_of_logical_types = case(
    "CREATE TABLE t (id int PRIMARY KEY, a date[], b timestamp[], c uuid[], d bytea[], e time[])",
    values(wrapped_change({"id": "int32", "a": typed("array", items=typed("int32", debezium("time.Date"))), "b": typed("array", items=typed("int64", debezium("time.MicroTimestamp"))),
                           "c": typed("array", items=typed("string", debezium("data.Uuid"))), "d": typed("array", items=typed("bytes")),
                           "e": typed("array", items=typed("int64", debezium("time.MicroTime")))}, "c",
                          {"id": 1, "a": [0, None], "b": [1000000], "c": [UUID], "d": ["AQI="], "e": [1000000]})),
    rows=[r'1|{1970-01-01,NULL}|{"1970-01-01 00:00:01"}|{%s}|{"\\\\x0102"}|{00:00:01}' % UUID])

TOAST = "__debezium_unavailable_value"
test_C20g_placeholders_with_schema = case(
    "CREATE TABLE t (id int PRIMARY KEY, a text, b bytea, c int[], d date[], e jsonb, f numeric, g bytea[], h hstore);"
    "INSERT INTO t VALUES (1, 'a', '\\x01', '{1}', '{2024-01-01}', '{}', 1.5, '{}', 'a=>1')",
    values(wrapped_change({"id": "int32", "a": "string", "b": "bytes", "c": typed("array", items=typed("int32")),
                           "d": typed("array", items=typed("int32", debezium("time.Date"))), "e": typed("string", debezium("data.Json")), "f": decimal(2),
                           "g": typed("array", items=typed("bytes")), "h": typed("map", keys=typed("string"), values=typed("string"))}, "u",
                          {"id": 1, "a": TOAST, "b": b64(TOAST.encode()), "c": list(TOAST.encode()), "d": list(TOAST.encode()), "e": TOAST,
                           "f": b64(TOAST.encode()), "g": [b64(TOAST.encode())], "h": {TOAST: TOAST}})),
    rows=[r'1|a|\\x01|{1}|{2024-01-01}|{}|1.5|{}|"a"=>"1"'])

test_F43_schemas_alternate_on_a_topic = case(
    "CREATE TABLE t (id int PRIMARY KEY, a date, b text)",
    values(wrapped({"id": "int32", "a": typed("int32", debezium("time.Date"))}, {"id": 1, "a": 0}), {"id": 2, "a": "1970-01-02"},
           wrapped({"id": "int32", "a": typed("string"), "b": "string"}, {"id": 3, "a": "1970-01-03", "b": "x"}),
           wrapped({"a": typed("int64", debezium("time.Timestamp")), "id": "int32"}, {"a": 3 * DAY, "id": 4}),
           wrapped_change({"id": "int32", "a": typed("int32", debezium("time.Date"))}, "u", {"id": 1, "a": 9}, {"id": 1, "a": 0})),
    rows=[r"1|1970-01-10|\N", r"2|1970-01-02|\N", "3|1970-01-03|x", r"4|1970-01-04|\N"])

test_F44_a_wrong_type_for_the_schema_is_a_letter = case(
    "CREATE TABLE t (id int PRIMARY KEY, a date, b numeric)",
    values(wrapped({"id": "int32", "a": typed("int32", debezium("time.Date"))}, {"id": 1, "a": 99999999999}),
           wrapped({"id": "int32", "b": decimal(2)}, {"id": 2, "b": "not base64!"}), wrapped({"id": "int32", "a": typed("int32", debezium("time.Date"))}, {"id": 3, "a": 3})),
    rows=[r"3|1970-01-04|\N"], letters={0: ("map", "22008", "a"), 1: ("map", "22P02", "b")})
