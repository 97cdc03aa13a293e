"""Events in frames of a schema registry: what real serializers write reaches the table, and a registry in trouble is
nobody's record's fault.
"""
import base64
import datetime
import decimal
import json
import random
import struct
import uuid

import pytest

from support import protobuf
from support.pipeline import route
from support.registry import StubRegistry, frame, number, random_avro, text
from support.sluice import run
from support.waiting import wait_until

ROW = {"type": "record", "name": "Row", "fields": [{"name": "id", "type": "int"}, {"name": "v", "type": "string"}]}
ROWS = "CREATE TABLE public.rows (id int PRIMARY KEY, v text)"


def registry_settings(url, **more):
    return "[registry]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in {"url": url, **more}.items())


def row(identifier, value, schema=1):
    return frame(schema, number(identifier) + text(value))


@pytest.fixture
def stub():
    made = StubRegistry({"1": {"schema": json.dumps(ROW)}})
    try:
        yield made
    finally:
        made.remove()


TYPES = {  # column: (type of PostgreSQL, of Avro, value for the serializer, value that the row must have)
    "b": ("boolean", "boolean", True, True),
    "i": ("int", "int", -(2**31), -(2**31)),
    "l": ("bigint", "long", 2**63 - 1, 2**63 - 1),
    "f": ("real", "float", 0.5, 0.5),
    "d": ("double precision", "double", 0.1, 0.1),
    "s": ("text", "string", "Grüße €", "Grüße €"),
    "y": ("bytea", "bytes", {"$": ["bytes", "00ff10"]}, b"\x00\xff\x10"),
    "n": ("numeric(30,4)", {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 4},
          {"$": ["decimal", "-12345678901234567890.1234"]}, decimal.Decimal("-12345678901234567890.1234")),
    "da": ("date", {"type": "int", "logicalType": "date"}, {"$": ["date", "2024-02-29"]}, datetime.date(2024, 2, 29)),
    "tm": ("time", {"type": "long", "logicalType": "time-micros"}, {"$": ["time", "23:59:59.123456"]},
           datetime.time(23, 59, 59, 123456)),
    "ts": ("timestamptz", {"type": "long", "logicalType": "timestamp-micros"},
           {"$": ["datetime", "2024-02-29T12:34:56.789012+00:00"]},
           datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, datetime.timezone.utc)),
    "tl": ("timestamp", {"type": "long", "logicalType": "local-timestamp-millis"},
           {"$": ["datetime", "2024-02-29T12:34:56.789000"]}, datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)),
    "u": ("uuid", {"type": "string", "logicalType": "uuid"}, {"$": ["uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]},
          str(uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"))),
    "e": ("text", {"type": "enum", "name": "E", "symbols": ["sad", "happy"]}, "happy", "happy"),
    "a": ("int[]", {"type": "array", "items": "int"}, [1, -2], [1, -2]),
    "m": ("jsonb", {"type": "map", "values": "long"}, {"k": 2**53 + 1}, {"k": 2**53 + 1}),
    "r": ("jsonb", {"type": "record", "name": "Inner", "fields": [{"name": "x", "type": ["null", "string"]}]},
          {"x": "y"}, {"x": "y"}),
    "z": ("text", ["null", "string"], None, None),
}


def test_what_a_real_serializer_writes_is_what_the_table_holds(pipeline, registry):
    columns = ", ".join(f"{name} {types[0]}" for name, types in TYPES.items())
    pipeline.sql(f"CREATE TABLE public.everything (id bigint PRIMARY KEY, {columns})")
    topic = pipeline.topic("everything")
    schema = {"type": "record", "name": "Everything", "fields": [{"name": n, "type": t[1]} for n, t in TYPES.items()]}
    key = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]}
    keys = registry.serialize(topic, "AVRO", key, [{"id": n} for n in range(3)], field="key")
    value, = registry.serialize(topic, "AVRO", schema, [{n: t[2] for n, t in TYPES.items()}])
    pipeline.kafka.publish(topic, [(keys[0], value), (keys[1], value), (keys[2], value), (keys[1], None)])
    service = pipeline.service(route(topic, "public.everything"), rest=registry_settings(registry.url)).start()
    pipeline.wait_caught_up(topic)
    assert pipeline.dead_letters() == {}
    found = [tuple(bytes(value) if isinstance(value, memoryview) else value for value in values)
             for values in pipeline.sql(f"SELECT {', '.join(TYPES)} FROM public.everything ORDER BY id")]
    assert found == [tuple(t[3] for t in TYPES.values())] * 2
    assert [kind for kind, in pipeline.sql("SELECT kind FROM sluice.schema")] == ["AVRO", "AVRO"]
    service.stop()


def test_a_topic_may_carry_json_schema_and_avro_and_keys_of_either(pipeline, registry):
    pipeline.sql("CREATE TABLE public.rows (id int PRIMARY KEY, v text, at timestamptz, n numeric, y bytea)")
    topic = pipeline.topic("rows")
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Row", "type": "object", "properties": {
        "id": {"type": "integer", "connect.type": "int32"}, "v": {"type": "string", "default": "none"},
        "at": {"type": "integer", "title": "org.apache.kafka.connect.data.Timestamp", "connect.type": "int64"},
        "n": {"type": "number"}, "y": {"oneOf": [{"type": "null"}, {"type": "string", "connect.type": "bytes"}]}}}
    rows = [{"id": 1, "v": "ä", "at": 1709210096789, "n": 2**60 + 1, "y": "AP8="}, {"id": 2, "n": 0.25, "y": None}]
    key, = registry.serialize(topic, "JSON", {"$schema": schema["$schema"], "title": "Key", "type": "integer"}, [2], field="key")
    values = registry.serialize(topic, "JSON", schema, rows)
    avro = {"type": "record", "name": "Other", "fields": ROW["fields"]}
    third, = registry.serialize(topic + "-other", "AVRO", avro, [{"id": 3, "v": "avro"}])
    pipeline.kafka.publish(topic, [(None, values[0]), (key, values[1]), (None, third)])
    pipeline.service(route(topic, "public.rows"), rest=registry_settings(registry.url)).start()
    pipeline.wait_caught_up(topic)
    assert pipeline.dead_letters() == {}
    found = pipeline.sql("SELECT id, v, extract(epoch FROM at)::text, n::text, y::text FROM public.rows ORDER BY id")
    assert found == [(1, "ä", "1709210096.789000", str(2**60 + 1), "\\x00ff"), (2, "none", None, "0.25", None),
                     (3, "avro", None, None, None)]
    assert {kind for kind, in pipeline.sql("SELECT kind FROM sluice.schema")} == {"AVRO", "JSON"}


def test_an_unknown_schema_is_a_dead_letter_that_others_do_not_wait_for(pipeline, stub):
    pipeline.sql(ROWS)
    topic = pipeline.topic("rows")
    pipeline.kafka.publish(topic, [(None, row(1, "a")), (None, row(2, "b", schema=99)), (None, row(3, "c", schema=2**31)),
                                   (None, row(4, "d") + b"!"), (None, row(5, "e"))])
    guid = uuid.UUID("0d3d5ad3-6a02-4ee0-a4b6-6f7a3f1a2b3c")
    stub.schemas[f"/schemas/guids/{guid}"] = stub.schemas["1"]
    producer = pipeline.kafka.producer()
    producer.produce(topic, value=number(6) + text("f"), headers=[("__value_schema_id", b"\1" + guid.bytes)])
    producer.flush(60)
    service = pipeline.service(route(topic, "public.rows", format="avro"), rest=registry_settings(stub.url)).start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT id FROM public.rows ORDER BY id") == [(1,), (5,), (6,)]
    assert pipeline.dead_letters() == {
        (topic, 0, 1): ("decode", "value: found schema 99, expected one that the registry knows"),
        (topic, 0, 2): ("decode", "value: found schema 2147483648, expected a number below 2147483648"),
        (topic, 0, 3): ("decode", "value: found bytes behind the datum at byte 3 of 4, expected a datum of schema 1"),
    }
    assert stub.asked.count("/schemas/ids/1") == 1
    assert "/schemas/ids/2147483648" not in stub.asked
    # The explain of the command line asks by itself and keeps nothing.
    wait_until(lambda: pipeline.sql("SELECT count(*) FROM sluice.schema") == [(2,)], "the schemas are kept")
    pipeline.sql("DELETE FROM sluice.schema")
    explained = run("explain", "--config", service.config, "--topic", topic, "--at", "0:0")
    assert "applied" in explained.stdout, explained.stderr
    assert stub.asked.count("/schemas/ids/1") == 2
    assert pipeline.sql("SELECT count(*) FROM sluice.schema") == [(0,)]


@pytest.mark.parametrize("mode, reason", [("away", "Failed to connect"), (500, "answered 500: made by the test"),
                                          (401, "set user and password"), ("rubbish", "not with a schema"),
                                          ("slow", "timed out")])
def test_a_registry_in_trouble_makes_no_dead_letter_and_the_partition_heals(pipeline, stub, mode, reason):
    pipeline.sql(ROWS)
    topic, other = pipeline.topic("rows"), pipeline.topic("json")
    stub.become(mode)
    pipeline.kafka.publish(topic, [(None, row(1, "a")), (None, row(2, "b"))])
    pipeline.kafka.publish(other, [(None, b'{"id": 3, "v": "json"}')])
    service = pipeline.service(route(topic, "public.rows") + route(other, "public.rows"),
                               rest=registry_settings(stub.url, timeout="1s"))
    service.expected.append("stopped in state schema")
    service.start(ready=False)
    told = pipeline.wait_state(topic, "schema", seconds=60)
    assert reason in told and "schema 1 cannot be had" in told
    wait_until(lambda: pipeline.sql("SELECT v FROM public.rows") == [("json",)], "the other topic goes on")
    stub.become("ok")
    pipeline.wait_caught_up(topic, seconds=60)
    assert pipeline.sql("SELECT id, v FROM public.rows ORDER BY id") == [(1, "a"), (2, "b"), (3, "json")]
    assert pipeline.dead_letters() == {}
    assert pipeline.state(topic)[0] == "ok"
    service.stop()


def test_a_restart_goes_on_while_the_registry_is_away(pipeline, stub):
    pipeline.sql(ROWS)
    topic = pipeline.topic("rows")
    stub.schemas["2"] = {"schema": json.dumps({**ROW, "fields": [{"name": "id", "type": "int"}, {"name": "v", "type": "Word"}]}),
                         "references": [{"name": "Word", "subject": "word/s", "version": 3}]}
    stub.schemas["/subjects/word%2Fs/versions/3"] = {
        "schema": json.dumps({"type": "enum", "name": "Word", "symbols": ["x", "y"]}), "subject": "word/s", "version": 3}
    pipeline.kafka.publish(topic, [(None, row(1, "a")), (None, frame(2, number(2) + number(1)))])
    settings = registry_settings(stub.url.replace("//", "//someone:pass@"))
    service = pipeline.service(route(topic, "public.rows"), rest=settings).start()
    pipeline.wait_caught_up(topic)
    assert set(stub.authorization) == {"Basic c29tZW9uZTpwYXNz"}
    kept = "SELECT registry, id, kind FROM sluice.schema ORDER BY id"
    wait_until(lambda: len(pipeline.sql(kept)) == 3, "the schemas are kept")
    assert pipeline.sql(kept) == [(stub.url, "1", "AVRO"), (stub.url, "2", "AVRO"), (stub.url, "2/001/Word", "AVRO")]
    service.stop()
    stub.become("away")
    pipeline.kafka.publish(topic, [(None, row(3, "c")), (None, frame(2, number(4) + number(0)))])
    service.start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT id, v FROM public.rows ORDER BY id") == [(1, "a"), (2, "y"), (3, "c"), (4, "x")]
    assert pipeline.dead_letters() == {}
    assert "pass@" not in service.log()


def test_check_reaches_the_registry(pipeline, stub):
    pipeline.sql(ROWS)
    topic = pipeline.topic("rows")
    service = pipeline.service(route(topic, "public.rows", format="avro"), rest=registry_settings(stub.url, timeout="30s"))

    def check():
        return run("check", "--config", service.config, "--connect")

    done = check()
    assert done.returncode == 0, done.stderr
    assert f"registry\n  {stub.url}\n  answers\n" in done.stdout
    stub.become(401)
    done = check()
    assert done.returncode == 1
    assert "answered 401" in done.stderr


def test_random_values_of_random_schemas_are_what_fastavro_reads(pipeline, stub, option, seed):
    count, values_of_each = option("values", 1000), 10
    pipeline.sql("CREATE TABLE public.rows (id bigint PRIMARY KEY, v jsonb)")
    pipeline.sql("CREATE TABLE public.expected (id bigint PRIMARY KEY, v jsonb)")
    topic, records, expected = pipeline.topic("rows"), [], []
    for index, pairs in enumerate(random_avro(seed, count // values_of_each, values_of_each), 1):
        stub.schemas[str(index)] = {"schema": pairs["schema"]}
        records += [(None, frame(index, base64.b64decode(datum))) for datum, _ in pairs["values"]]
        expected += [json_text for _, json_text in pairs["values"]]
    pipeline.sql("INSERT INTO public.expected SELECT n, v::jsonb FROM unnest(%s) WITH ORDINALITY AS t (v, n)", expected)
    pipeline.kafka.publish(topic, records)
    pipeline.service(route(topic, "public.rows", format="avro"), rest=registry_settings(stub.url)).start()
    pipeline.wait_caught_up(topic, seconds=120 + count // 100)
    assert pipeline.dead_letters() == {}
    assert pipeline.sql("SELECT id, e.v, r.v FROM public.expected e FULL JOIN public.rows r USING (id) "
                        "WHERE e.v IS DISTINCT FROM r.v ORDER BY id LIMIT 5") == []
    assert pipeline.sql("SELECT count(*) FROM public.rows") == [(len(records),)]


def random_json(chance, depth=0):
    """The text of a value, spelled in every way that JSON allows."""
    kind = chance.randrange(8 if depth < 4 else 6)
    if kind == 6:
        return "[" + " ,".join(random_json(chance, depth + 1) for _ in range(chance.randrange(4))) + "]"
    if kind == 7:
        return "{" + ",\n".join(f"{random_text(chance)}: {random_json(chance, depth + 1)}" for _ in range(chance.randrange(4))) + "}"
    if kind in (0, 1):
        return random_text(chance)
    if kind in (2, 3):
        return chance.choice(["", "-"]) + chance.choice(["0", "7", "12345678901234567890123"]) + chance.choice(
            ["", ".0", ".50", ".000000000000000000000000001"]) + chance.choice(["", "e2", "E-3", "e+10"])
    return chance.choice(["null", "true", "false"])


def random_text(chance):
    return '"' + "".join(chance.choice(["a", "é", "\\u00e9", "\\ud83d\\ude00", "\U0001f600", "\\/", "\\n", '\\"', "\\\\", "\\u0041"])
                         for _ in range(chance.randrange(4))) + '"'


def exact(value):
    """JSON with all digits of its numbers."""
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return "[" + ",".join(map(exact, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{exact(one)}" for name, one in value.items()) + "}"
    return json.dumps(value)


def test_what_a_json_schemas_value_nests_is_what_json_reads_and_durations_are_an_interval_or_a_dead_letter(pipeline, stub, seed):
    pipeline.sql("CREATE TABLE public.rows (id bigint PRIMARY KEY, v jsonb, d interval)")
    topic, chance = pipeline.topic("rows"), random.Random(seed)
    types = {"a": {"type": "string", "connect.type": "bytes"}, "é": {"type": "integer", "title": "io.debezium.time.Date"}}
    stub.schemas["2"] = {"schemaType": "JSON", "schema": json.dumps({"type": "object", "properties": {"v": {
        "type": "object", "properties": types, "additionalProperties": {"type": "object", "properties": types}}}})}
    stub.schemas["3"] = {"schema": json.dumps({"type": "record", "name": "Row", "fields": [
        {"name": "id", "type": "long"}, {"name": "d", "type": {"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}}]})}
    texts = [f'{{"x": {random_json(chance)}, "a": {random_json(chance)}}}' for _ in range(500)]
    durations = [(12, 40, 1500), (2**31 - 1, 2**31 - 1, 2**32 - 1), (2**32 - 1, 0, 0), (0, 2**32 - 1, 0), (0, 0, 2**32 - 1)]
    pipeline.kafka.publish(topic, [(None, frame(2, f'{{"id": {n}, "v": {text}}}'.encode())) for n, text in enumerate(texts)] + [
        (None, frame(3, number(1000 + n) + struct.pack("<III", *one))) for n, one in enumerate(durations)])
    pipeline.service(route(topic, "public.rows"), rest=registry_settings(stub.url)).start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT record_offset, sqlstate FROM sluice.dead_letter ORDER BY 1") == [(502, "22015"), (503, "22015")]
    wanted = [exact(json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal)) for text in texts]
    assert pipeline.sql("SELECT id, r.v, e.v FROM unnest(%s::text[]) WITH ORDINALITY AS e (v, n) JOIN public.rows r ON r.id = e.n - 1 "
                        "WHERE r.v IS DISTINCT FROM e.v::jsonb LIMIT 5", wanted) == []
    assert pipeline.sql("SELECT id, d::text FROM public.rows WHERE id >= 1000 ORDER BY id") == [
        (1000, "1 year 40 days 00:00:01.5"), (1001, "178956970 years 7 mons 2147483647 days 1193:02:47.295"), (1004, "1193:02:47.295")]


PRICE = protobuf.file("shop/price.proto", {"Price": {"units": "int64", "currency": "string"}}, package="shop")
ORDERS = protobuf.file("orders.proto", {
    "Order": {"id": "int64", "total": "uint64", "note": "optional string", "placed": ".google.protobuf.Timestamp",
              "took": ".google.protobuf.Duration", "price": ".shop.Price", "tags": "repeated string", "any": ".google.protobuf.Struct",
              "raw": "bytes", "paid": "oneof how bool", "owed": "oneof how double", "weight": ".google.protobuf.FloatValue"},
    "Key": {"id": "int64"},
    "Key.Inner": {"id": "int64"},
}, ["shop/price.proto"] + [f"google/protobuf/{name}.proto" for name in ("timestamp", "duration", "struct", "wrappers")], "shop")


def test_protobuf_of_a_real_registry_is_what_the_table_holds(pipeline, registry):
    pipeline.sql("CREATE TABLE public.orders (id bigint PRIMARY KEY, total numeric, note text, placed timestamptz, took interval, "
                 "price jsonb, tags text[], any_json jsonb, raw bytea, paid boolean, owed double precision, weight real)")
    topic = pipeline.topic("orders")
    made = protobuf.classes(PRICE, ORDERS)
    registry.register("price", "PROTOBUF", protobuf.text_of(PRICE))
    schema = registry.register(f"{topic}-value", "PROTOBUF", protobuf.text_of(ORDERS), [("shop/price.proto", "price")])
    order = made["shop.Order"](id=1, total=2**64 - 1, price={"units": 2**53 + 1, "currency": "€"}, tags=["a", "b"], raw=b"\0\xff",
                               owed=0.1, weight={"value": 0.5})
    order.placed.FromJsonString("2024-02-29T12:34:56.789012Z")
    order.took.FromJsonString("-1.5s")
    order.any.update({"list": [1.5, None, {"x": True}]})
    key = made["shop.Key"]
    inner = protobuf.framed(schema, made["shop.Key.Inner"](id=3), protobuf.path(1, 0))
    records = [(protobuf.framed(schema, key(id=1), protobuf.path(1)), protobuf.framed(schema, order)),
               (None, protobuf.framed(schema, made["shop.Order"](id=2, paid=False))), (inner, protobuf.framed(schema, made["shop.Order"](id=3))),
               (inner, None), (None, protobuf.framed(schema, made["shop.Order"](id=4))[:-1]), (None, frame(schema, protobuf.path(7)))]
    pipeline.kafka.publish(topic, records)
    service = pipeline.service(route(topic, "public.orders", columns={"rename": {"any": "any_json"}}),
                               rest=registry_settings(registry.url)).start()
    pipeline.wait_caught_up(topic)
    letters = pipeline.dead_letters()
    assert letters == {
        (topic, 0, 4): ("decode", f"value: found the end within a number at byte 1 of 1, expected a message of schema {schema}"),
        (topic, 0, 5): ("decode", f"value: found a value, expected the path of a message of schema {schema}"),
    }
    found = pipeline.sql("SELECT id, total, note, placed, took::text, price, tags, any_json, raw::text, paid, owed, weight "
                         "FROM public.orders ORDER BY id")
    placed = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, datetime.timezone.utc)
    assert found == [
        (1, 2**64 - 1, None, placed, "-00:00:01.5", {"units": 2**53 + 1, "currency": "€"}, ["a", "b"],
         {"list": [1.5, None, {"x": True}]}, "\\x00ff", None, 0.1, 0.5),
        (2, 0, None, None, None, None, [], None, "\\x", False, None, None)]
    done = run("check", "--config", service.config, "--connect")
    assert done.returncode == 0, done.stderr
    service.stop()


def test_protobuf_goes_on_after_a_restart_while_the_registry_is_away(pipeline, stub):
    pipeline.sql("CREATE TABLE public.rows (id int PRIMARY KEY, p jsonb)")
    topic = pipeline.topic("rows")
    rows = protobuf.file("rows.proto", {"Row": {"id": "int32", "p": ".shop.Price"}}, ["shop/price.proto"])
    made = protobuf.classes(PRICE, rows)
    stub.schemas["2"] = {"schema": protobuf.text_of(rows), "schemaType": "PROTOBUF",
                         "references": [{"name": "shop/price.proto", "subject": "price", "version": 1}]}
    stub.schemas["/subjects/price/versions/1"] = {"schema": base64.b64encode(PRICE.SerializeToString()).decode(), "subject": "price",
                                                  "version": 1, "schemaType": "PROTOBUF"}

    def record(identifier):
        return None, protobuf.framed(2, made["Row"](id=identifier, p={"units": identifier}))

    pipeline.kafka.publish(topic, [record(1)])
    service = pipeline.service(route(topic, "public.rows", format="protobuf"), rest=registry_settings(stub.url)).start()
    pipeline.wait_caught_up(topic)
    kept = "SELECT id, kind FROM sluice.schema ORDER BY id"
    wait_until(lambda: len(pipeline.sql(kept)) == 2, "the schemas are kept", 10)
    assert pipeline.sql(kept) == [("2", "PROTOBUF"), ("2/001/shop/price.proto", "PROTOBUF")]
    service.stop()
    stub.become("away")
    pipeline.kafka.publish(topic, [record(2)])
    service.start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT id, p FROM public.rows ORDER BY id") == [(n, {"units": n, "currency": ""}) for n in (1, 2)]
    assert pipeline.dead_letters() == {}


CHILDREN = """[[route.child]]
path = "items"
table = "public.items"
key = ["row_id", "line"]
columns = { row_id = "$.id", line = "@index" }
"""


def test_arrays_of_records_become_rows_of_children_in_avro_and_in_protobuf(pipeline, stub):
    pipeline.sql("CREATE TABLE public.rows (id int PRIMARY KEY); "
                 "CREATE TABLE public.items (row_id int, line int, sku text, n bigint, PRIMARY KEY (row_id, line))")
    topic = pipeline.topic("rows")
    item = {"type": "record", "name": "Item", "fields": [{"name": "sku", "type": "string"}, {"name": "n", "type": ["null", "long"]}]}
    stub.schemas["1"] = {"schema": json.dumps({"type": "record", "name": "Row", "fields": [
        {"name": "id", "type": "int"}, {"name": "items", "type": ["null", {"type": "array", "items": item}]}]})}
    proto = protobuf.file("rows.proto", {"Row": {"id": "int32", "items": "repeated .Item"}, "Item": {"sku": "string", "n": "optional int64"}})
    stub.schemas["2"] = {"schema": protobuf.text_of(proto), "schemaType": "PROTOBUF"}
    made = protobuf.classes(proto)
    two = number(2) + text("a") + number(1) + number(2**40) + text("b") + number(0) + number(0)

    def avro(identifier, array):
        return None, frame(1, number(identifier) + array)

    def message(identifier, *items):
        return None, protobuf.framed(2, made["Row"](id=identifier, items=items))

    full = ({"sku": "a", "n": 2**40}, {"sku": "b"})
    pipeline.kafka.publish(topic, [
        avro(1, number(1) + two), avro(2, number(1) + two), avro(2, number(0)), avro(3, number(1) + two),
        avro(3, number(1) + number(1) + text("c") + number(0) + number(0)),
        message(4, *full), message(5, *full), message(5), message(6, *full), message(6, {"sku": "c"})])
    service = pipeline.service(route(topic, "public.rows") + CHILDREN, rest=registry_settings(stub.url)).start()
    pipeline.wait_caught_up(topic)
    assert pipeline.dead_letters() == {}
    assert pipeline.sql("SELECT id FROM public.rows ORDER BY id") == [(n,) for n in range(1, 7)]
    # Avro's null is written; what Protobuf does not set is absent, and leaves the column of a row that is there alone.
    assert pipeline.sql("SELECT * FROM public.items ORDER BY row_id, line") == [
        child for first, left in ((1, None), (4, 2**40))
        for child in [(first, 1, "a", 2**40), (first, 2, "b", None), (first + 2, 1, "c", left)]]
    service.stop()
