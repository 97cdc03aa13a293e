"""F: times and shapes as structures: Debezium's time.precision.mode = structured, and its types of PostgreSQL's geometry."""
import struct

from support.conformance import b64, case, keyed, named, typed, values, wrapped, wrapped_change

DATE, CLOCK = ("year", "month", "day"), ("hour", "minute", "second", "picoseconds")
COUNTED, SAID = ("picoseconds", "seconds"), ("specialValue", "zoneId")
# Null or not, one of picoseconds, precision and specialValue is a member of all that Debezium writes.
DAY, HOUR = {"year": 2024, "month": 1, "day": 2, "specialValue": None}, {"hour": 1, "minute": 2, "second": 3, "picoseconds": 4_000_000}


def parts(name, *fields):
    return typed([named(one, "int64" if one in COUNTED else "string" if one in SAID else "int32") for one in fields], f"io.debezium.time.{name}")


def parts_column(kind, schema, *pairs, **more):
    """One column v of this type, as a Connect row, an envelope and, without a schema, a plain object have it."""
    fields = {"id": typed("int32", optional=False), "v": schema}
    rows = [{"id": n, "v": pair[0]} for n, pair in enumerate(pairs * 3)]
    third = len(pairs)
    events = [wrapped(fields, one) for one in rows[:third]] + [wrapped_change(fields, "c", one) for one in rows[third:2 * third]] + rows[2 * third:]
    return case(f"CREATE TABLE t (id int PRIMARY KEY, v {kind})", values(*events), rows=[f"{n}|{pair[1]}" for n, pair in enumerate(pairs * 3)], **more)


test_F03e_dates_by_their_parts = parts_column(
    "date", parts("StructuredDate", *DATE, "specialValue"), (DAY, "2024-01-02"), ({"specialValue": "POSITIVE_INFINITY"}, "infinity"),
    ({"specialValue": "NEGATIVE_INFINITY"}, "-infinity"), ({"year": 5874897, "month": 12, "day": 31, "specialValue": None}, "5874897-12-31"),
    ({**DAY, "year": 0, "month": 2, "day": 29}, "0001-02-29 BC"), ({**DAY, "year": -4712, "month": 1, "day": 1}, "4713-01-01 BC"), (None, r"\N"))
test_F03f_timestamps_by_their_parts = parts_column(
    "timestamp", parts("StructuredTimestampPrecision6SourceColumn61", *DATE, *CLOCK, "specialValue", "precision"),
    ({**DAY, **HOUR, "precision": 6}, "2024-01-02 01:02:03.000004"), ({"specialValue": "NEGATIVE_INFINITY", "precision": 6}, "-infinity"),
    ({"year": 294276, "month": 12, "day": 31, "hour": 23, "minute": 59, "second": 59, "picoseconds": 999_999_000_000}, "294276-12-31 23:59:59.999999"),
    ({**DAY, **HOUR, "picoseconds": 500_000}, "2024-01-02 01:02:03"), ({**DAY, **HOUR, "picoseconds": 999_999_999_999}, "2024-01-02 01:02:04"),
    (DAY, "2024-01-02 00:00:00"))
test_F03g_timestamps_with_zone_by_their_parts = parts_column(
    "timestamptz", parts("StructuredZonedTimestamp", *DATE, *CLOCK, "offsetSeconds", "zoneId", "specialValue"),
    ({**DAY, **HOUR, "offsetSeconds": 19800}, "2024-01-01 19:32:03.000004+00"), ({**DAY, **HOUR, "offsetSeconds": -3661}, "2024-01-02 02:03:04.000004+00"),
    ({**DAY, **HOUR}, "2024-01-02 01:02:03.000004+00"), ({**DAY, **HOUR, "zoneId": "UTC"}, "2024-01-02 01:02:03.000004+00"),
    ({**DAY, **HOUR, "offsetSeconds": 3600, "zoneId": "Europe/Berlin"}, "2024-01-02 00:02:03.000004+00"), ({"specialValue": "POSITIVE_INFINITY"}, "infinity"))
test_F26c_times_by_their_parts = case(
    "CREATE TABLE t (id int PRIMARY KEY, a time, b timetz)",
    values({"id": 1, "a": {**HOUR, "hour": 24, "minute": 0, "second": 0, "picoseconds": 0}, "b": {**HOUR, "offsetSeconds": 32400}},
           {"id": 2, "b": {"hour": 24, "minute": 0, "second": 0, "nanos": 0, "offsetSeconds": 19800, "precision": None}}),
    rows=["1|24:00:00|01:02:03.000004+09", r"2|\N|24:00:00+05:30"])
test_F27b_durations_by_their_parts = parts_column(
    "interval", parts("StructuredDuration", "years", "months", "days", "hours", "minutes", "seconds", "picoseconds", "precision"),
    ({"years": 1, "months": 2, "days": 3, "hours": 4, "minutes": 5, "seconds": 6, "picoseconds": 789_000_000_000}, "1 year 2 mons 3 days 04:05:06.789"),
    ({"picoseconds": -1_000_000}, "-00:00:00.000001"), ({"seconds": -1, "picoseconds": 999_999_000_000}, "-00:00:00.000001"),
    ({"hours": -838, "minutes": -59, "seconds": -59, "picoseconds": 0}, "-838:59:59"), ({"seconds": 0, "precision": 6}, "00:00:00"))

WRONG = [{**DAY, **HOUR, "year": 0, "month": 0, "day": 0}, {**DAY, "month": 13}, {**DAY, **HOUR, "picoseconds": 10**12}, {**DAY, **HOUR, "hour": 25},
         {**DAY, **HOUR, "zoneId": "Europe/Berlin"}, HOUR, {"year": 2024, "precision": 6}, {}, {**DAY, "hour": 1}, {**DAY, "more": 1}, {"specialValue": "SOON"}, {**DAY, "day": "2"},
         {"year": 2024, "month": 2, "day": 29}]
test_F35e_parts_that_make_no_time_are_letters = case(
    "CREATE TABLE t (id int PRIMARY KEY, v timestamp)", values(*({"id": n, "v": one} for n, one in enumerate(WRONG)), {"id": 99, "v": DAY}),
    rows=["99|2024-01-02 00:00:00"], letters={n: ("map", "22008" if n < 4 else "22007", "value.v") for n in range(len(WRONG))})
test_F47g_parts_beyond_the_calendar_become_null = case(
    "CREATE TABLE t (id int PRIMARY KEY, v date)", values({"id": 1, "v": {"year": 0, "month": 0, "day": 0, "specialValue": None}}, {"id": 2, "v": {**DAY, "year": 9_000_000}}),
    out_of_range="null", rows=[r"1|\N", r"2|\N"])
test_D05g_a_key_by_its_parts_is_that_of_a_text = case(
    "CREATE TABLE t (id date PRIMARY KEY, v int)",
    keyed(({"id": DAY}, {"v": 1}), ({"id": "2024-01-02"}, {"v": 2}), ({"id": {**DAY, "day": 3}}, {"id": {**DAY, "day": 3}, "v": 3}), ({"id": DAY}, None)),
    rows=["2024-01-03|3"])
ALL = [("StructuredDate", (*DATE, "specialValue"), DAY), ("StructuredTimestampPrecision3", (*DATE, *CLOCK, "specialValue"), {**DAY, **HOUR}), ("StructuredZonedTimestamp", (*DATE, *CLOCK, "offsetSeconds", "specialValue"), {**DAY, **HOUR}),
       ("StructuredTime", CLOCK, HOUR), ("StructuredZonedTimeSourceColumn61", (*CLOCK, "offsetSeconds"), HOUR), ("StructuredDuration", ("years", "picoseconds"), {"years": 1, "picoseconds": None})]
test_F10b_times_by_their_parts_become_columns_of_their_types = case(
    "SELECT 1", values(wrapped({"id": typed("int32", optional=False), **{name: parts(name, *fields) for name, fields, _ in ALL}},
                               {"id": 1, **{name: value for name, _, value in ALL}})), evolve="tables",
    rows=["1|2024-01-02|2024-01-02 01:02:03.000004|2024-01-02 01:02:03.000004+00|01:02:03.000004|01:02:03.000004+00|1 year"])


def line(*corners):
    return struct.pack("<BII", 1, 2, len(corners)) + b"".join(struct.pack("<dd", *one) for one in corners)


def polygon(*rings):
    return struct.pack("<BII", 1, 3, len(rings)) + b"".join(
        struct.pack("<I", len(ring)) + b"".join(struct.pack("<dd", *one) for one in ring) for ring in rings)


def geometry(wkb, **extensions):
    return {"wkb": b64(wkb), "srid": None, "extensions": extensions or None}


SHAPE = typed([named("wkb", "bytes", optional=False), named("srid", "int32"), named("extensions", "map", keys={"type": "string"}, values={"type": "string"})],
              "io.debezium.data.geometry.Geometry")
POINT = typed([named("x", "double"), named("y", "double"), named("wkb", "bytes"), named("srid", "int32")], "io.debezium.data.geometry.Point")
FIELDS = {"id": typed("int32", optional=False), "box": SHAPE, "lseg": SHAPE, "path": SHAPE, "polygon": SHAPE, "point": POINT,
          "circle": typed([{**POINT, "field": "center"}, named("radius", "double")], "io.debezium.data.geometry.Circle"),
          "line": typed([named(one, "double") for one in "abc"], "io.debezium.data.geometry.Line")}
SHAPES = {"id": 1, "box": geometry(polygon([(1, 1), (1, 0), (0, 0), (0, 1), (1, 1)]), type="box"), "lseg": geometry(line((0, 0), (0, 1)), type="lseg"),
          "path": geometry(line((0, 0), (0, 1), (0, 2)), type="path", closed="true"), "polygon": geometry(polygon([(0, 0), (0, 1), (1, 0), (0, 0)])),
          "point": {"x": 1.5, "y": -2.0, "wkb": None, "srid": None}, "circle": {"center": {"x": 10.0, "y": 4.0}, "radius": 10.0}, "line": {"a": -1.0, "b": 0.0, "c": 0.0}}
GEOMETRY = "CREATE TABLE t (id int PRIMARY KEY, box box, lseg lseg, path path, polygon polygon, point point, circle circle, line line)"
test_F13c_shapes_of_postgresql_by_debeziums_types = case(
    GEOMETRY, values(wrapped_change(FIELDS, "c", SHAPES), wrapped(FIELDS, SHAPES | {"id": 2, "path": geometry(line((0, 0), (1e300, 0.1)), closed="false"), "box": None}),
                     {"id": 3, "box": geometry(polygon([(0, 0)] * 5)), "polygon": geometry(struct.pack(">BIIIIdddd", 0, 0x20000003, 4326, 1, 2, 0, 0, 1.5, 0))}),
    query={"SELECT id, box, lseg, path, polygon FROM t": ["1|(1,1),(0,0)|[(0,0),(0,1)]|((0,0),(0,1),(0,2))|((0,0),(0,1),(1,0))",
                                                        r"2|\N|[(0,0),(0,1)]|[(0,0),(1e+300,0.1)]|((0,0),(0,1),(1,0))", r"3|(0,0),(0,0)|\N|\N|((0,0),(1.5,0))"],
           "SELECT point, circle, line FROM t WHERE id < 3": ["(1.5,-2)|<(10,4),10>|{-1,0,0}"] * 2})
HOLE = polygon([(0, 0), (0, 3), (3, 3), (0, 0)], [(1, 1), (1, 2), (2, 2), (1, 1)])
BAD = [{"polygon": geometry(HOLE)}, {"polygon": geometry(line((0, 0), (0, 1)))}, {"lseg": geometry(line((0, 0)))}, {"box": geometry(polygon([(0, 0), (1, 1)]))}, {"path": geometry(b"")},
       {"polygon": geometry(struct.pack("<BIII", 1, 3, 1, 2**32 - 1))}, {"circle": {"center": None, "radius": 1}}, {"line": {"a": 1, "b": 2}}, {"point": {"x": 1, "y": "2"}}]
test_F13d_what_is_no_such_shape_is_a_letter = case(
    GEOMETRY, values(*({"id": n, **one} for n, one in enumerate(BAD))), rows=[], letters={n: ("map", "22P02", "value.") for n in range(len(BAD))})

# A type of pgvector's name, whose input takes any text.
SPARSE = ("CREATE TYPE sparsevec; CREATE FUNCTION sparsevec_in(cstring) RETURNS sparsevec LANGUAGE internal IMMUTABLE STRICT AS 'textin'; "
          "CREATE FUNCTION sparsevec_out(sparsevec) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'; "
          "CREATE TYPE sparsevec (INPUT = sparsevec_in, OUTPUT = sparsevec_out, LIKE = text); CREATE TABLE t (id int PRIMARY KEY, v sparsevec)")
VECTOR = typed([named("dimensions", "int16"), named("vector", "map", keys={"type": "int16"}, values={"type": "double"})], "io.debezium.data.SparseDoubleVector")
test_F13e_sparse_vectors_in_pgvectors_notation = case(
    SPARSE, values(*(wrapped({"id": "int32", "v": VECTOR}, {"id": n, "v": one}) for n, one in enumerate((
        {"dimensions": 25, "vector": [[1, 10.0], [11, -0.5]]}, {"dimensions": 3, "vector": []}, None, {"dimensions": 3, "vector": [[1]]}, {"dimensions": None, "vector": []}))),
        {"id": 5, "v": {"dimensions": 5, "vector": {"2": 1.5}}}, {"id": 6, "v": "{1:2}/3"}),
    rows=["0|{1:10.0,11:-0.5}/25", "1|{}/3", r"2|\N", "5|{2:1.5}/5", "6|{1:2}/3"], letters={n: ("map", "22P02", "value.payload.v") for n in (3, 4)})
