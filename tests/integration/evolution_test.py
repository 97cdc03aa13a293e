"""Tables that follow their events: `evolve` of a route (docs/evolution.md, whose tables of types are tested here)."""
import contextlib
import json
import pathlib
import re

import psycopg2

from support.pipeline import encode, route
from support.registry import StubRegistry, frame, number, text
from support.sluice import run
from support.waiting import wait_until

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "evolution.md"
COLUMNS = """SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a
             WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""


def columns(pipeline, table):
    """{name: type} of a table; but for the key all may be NULL."""
    found = pipeline.sql(COLUMNS, table)
    return {name: kind for name, kind, _ in found}


def types_of_page(kind):
    """[(schema or value, type)] of one of the page's tables."""
    text = PAGE.read_text(encoding="utf-8").partition(f"<!-- types: {kind} -->\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(.+)` \| `(.+)` \|$", text, re.M)
    assert len(rows) == text.count("\n") - 1 and len(rows) > 5, text
    return rows


def statements(service):
    return [line for line in service.log().splitlines() if "evolve: " in line]


def test_the_page_says_which_types_new_columns_have(pipeline):
    pages = {kind: types_of_page(kind) for kind in ("connect", "avro", "protobuf", "json")}
    topics = {kind: pipeline.topic(kind) for kind in pages}
    for kind in pages:
        pipeline.sql(f"CREATE TABLE {kind} (id int PRIMARY KEY)")
    named = [{**json.loads(schema), "field": f"c{n}", "optional": True} for n, (schema, _) in enumerate(pages["connect"])]
    schema = {"type": "struct", "fields": [{"field": "id", "type": "int32"}, *named]}
    pipeline.kafka.publish(topics["connect"], [(None, encode(
        {"schema": schema, "payload": {"id": 1, **{one["field"]: None for one in named}}}))])
    avro = {"type": "record", "name": "Row", "fields": [{"name": "id", "type": "int"}] + [
        {"name": f"c{n}", "type": ["null", json.loads(one)]} for n, (one, _) in enumerate(pages["avro"])]}
    proto = ('syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; '
             'import "google/protobuf/wrappers.proto"; import "google/protobuf/struct.proto"; message Row { int32 id = 1; '
             + " ".join(f"{one} c{n} = {n + 2};" for n, (one, _) in enumerate(pages["protobuf"])) + " }")
    registry = StubRegistry({"1": {"schema": json.dumps(avro)}, "2": {"schema": proto, "schemaType": "PROTOBUF"}})
    try:
        pipeline.kafka.publish(topics["avro"], [(None, frame(1, number(1) + number(0) * len(pages["avro"])))])
        pipeline.kafka.publish(topics["protobuf"], [(None, frame(2, b"\0" + b"\x08\x01"))])
        pipeline.kafka.publish(topics["json"], [(None, ('{"id": 1, ' + ", ".join(
            f'"c{n}": {value}' for n, (value, _) in enumerate(pages["json"])) + "}").encode())])
        routes = "".join(route(topic, f"public.{kind}", evolve="columns") for kind, topic in topics.items())
        service = pipeline.service(routes, rest=f'[registry]\nurl = "{registry.url}"\n').start()
        pipeline.wait_caught_up(*topics.values())
    finally:
        registry.remove()
    assert pipeline.dead_letters() == {}
    for kind, page in pages.items():
        found = columns(pipeline, f"public.{kind}")
        assert found == {"id": "integer", **{f"c{n}": wanted for n, (_, wanted) in enumerate(page)}}, kind
        assert pipeline.sql(f"SELECT id FROM {kind}") == [(1,)]
    said = statements(service)
    assert len(said) == len(pages), said
    assert any(f'{topics["json"]}/0 offset 0: ran ALTER TABLE "public"."json" ADD COLUMN IF NOT EXISTS "c0" boolean, ' in line
               for line in said), said


HOSTILE = ['Quo"te', "UPPER", "a b", "select", "naïve€", "n" * 63, "ü" * 31, "x'; DROP TABLE flow; --"]


def test_two_instances_see_a_field_at_once_and_no_kill_between_loses_a_row(pipeline):
    pipeline.sql("CREATE TABLE flow (id int PRIMARY KEY, a text)")
    topic = pipeline.topic("flow", 4)
    routes = route(topic, "public.flow", evolve="columns")
    services = [pipeline.service(routes, postgres="lanes = 1").start() for _ in range(2)]
    wanted = {}
    for step, name in enumerate(["", *HOSTILE]):
        rows = [{"id": step * 40 + n, "a": "x", **({name: f"v{n}"} if name else {})} for n in range(40)]
        wanted |= {row["id"]: row.get(name) if name else "x" for row in rows}
        for partition in range(4):
            pipeline.kafka.publish(topic, [(b"%d" % row["id"], encode(row)) for row in rows if row["id"] % 4 == partition],
                                   partition=partition)
        if step in (3, 6):  # in the middle of what it does with the field
            services[step % 2].kill9()
            services[step % 2] = pipeline.service(routes, postgres="lanes = 1").start()
    pipeline.wait_caught_up(topic)
    assert pipeline.dead_letters() == {}
    found = pipeline.sql("SELECT id, to_jsonb(f) FROM flow f ORDER BY id")
    assert set(columns(pipeline, "flow")) == {"id", "a", *HOSTILE}
    for identifier, row in found:
        name = ["a", *HOSTILE][identifier // 40]
        assert row[name] == wanted[identifier]
        assert sum(row[one] is not None for one in HOSTILE) == (identifier >= 40)
    assert len(found) == 40 * (len(HOSTILE) + 1)
    for service in services:
        assert service.stop() == 0


def test_null_waits_for_a_value_long_names_are_letters_and_what_is_forbidden_waits_for_its_owner(pipeline):
    pipeline.sql("CREATE TABLE flow (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE flow_1 PARTITION OF flow FOR VALUES FROM (0) TO (9); "
                 "CREATE TABLE other (id int PRIMARY KEY); CREATE TABLE held (id int PRIMARY KEY)")
    writer = f"{pipeline.name}_writer"
    pipeline.sql(f'CREATE ROLE "{writer}" LOGIN; GRANT CREATE ON DATABASE "{pipeline.name}" TO "{writer}"; '
                 f'GRANT SELECT, INSERT, UPDATE, DELETE ON flow, other, held TO "{writer}"; '
                 f'ALTER TABLE held OWNER TO "{writer}"; GRANT CREATE ON SCHEMA public TO "{writer}"')
    try:
        topics = {name: pipeline.topic(name) for name in ("flow", "other", "held")}
        service = pipeline.service("".join(route(topic, f"public.{name}", evolve="columns") for name, topic in topics.items()),
                                   url=pipeline.url.replace("app@", f"{writer}@"), postgres="lanes = 1")
        service.expected = ["schema", "dead letters", "dead letter"]
        service.start()
        publish = pipeline.kafka.publish
        publish(topics["flow"], [(None, encode({"id": 1, "late": None})), (None, encode({"id": 2, "n" * 64: 1})),
                                 (None, encode({"id": 3, "late": "x"}))])
        reason = pipeline.wait_state(topics["flow"], "schema")
        assert "42501" in reason and "must be owner" in reason
        assert 'ALTER TABLE "public"."flow" ADD COLUMN IF NOT EXISTS "late" text;' in reason
        with contextlib.closing(psycopg2.connect(pipeline.url)) as holder, holder.cursor() as cursor:
            cursor.execute("LOCK TABLE held IN ACCESS SHARE MODE")
            publish(topics["held"], [(None, encode({"id": 1, "new": 1}))])
            wait_until(lambda: "lock timeout" in service.log(), service.log, 60)
            publish(topics["other"], [(None, encode({"id": 1}))])
            pipeline.wait_caught_up(topics["other"])
            assert set(columns(pipeline, "held")) == {"id"}
        granted = run("grants", "--config", service.config, seconds=60)
        assert granted.returncode == 0, granted.stderr
        pipeline.sql(granted.stdout)
        pipeline.wait_caught_up(*topics.values())
        assert columns(pipeline, "held") == {"id": "integer", "new": "bigint"}
        assert pipeline.sql("SELECT * FROM flow ORDER BY id") == [(1, None), (3, "x")]
        assert [at[2] for at in pipeline.dead_letters()] == [1]
        assert "63 bytes" in next(iter(pipeline.dead_letters().values()))[1]
        assert service.stop() == 0
    finally:
        pipeline.sql(f'DROP OWNED BY "{writer}" CASCADE; DROP ROLE "{writer}"')


def test_columns_are_widened_and_may_be_null_where_the_schema_says_so(pipeline):
    pipeline.sql("CREATE TABLE flow (id int PRIMARY KEY, i int NOT NULL, t varchar(5), n numeric(5,2), gone text NOT NULL); "
                 "CREATE TABLE large (id int PRIMARY KEY, v int, filler text); ALTER TABLE large ALTER filler SET STORAGE EXTERNAL; "
                 "INSERT INTO large SELECT n, n, repeat('x', 1000000) FROM generate_series(1, 140) n")
    fields = [{"field": "id", "type": "int32"}, {"field": "i", "type": "int64", "optional": True},
              {"field": "t", "type": "string", "optional": True}, {"field": "v", "type": "int64", "optional": True},
              {"field": "n", "type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "optional": True,
               "parameters": {"scale": "2", "connect.decimal.precision": "12"}}]

    def row(*names, **values):
        return None, encode({"schema": {"type": "struct", "fields": [one for one in fields if one["field"] in ("id", *names)]},
                             "payload": values})

    flow, large = pipeline.topic("flow"), pipeline.topic("large")
    routes = route(flow, "public.flow", evolve="columns") + route(large, "public.large", evolve="columns")
    service = pipeline.service(routes, postgres="lanes = 1")
    service.expected = ["schema"]
    pipeline.kafka.publish(flow, [row("i", "t", "n", id=1, i=1, t="short", n="MDk="), row("i", "t", "n", id=2, i=2**40, t="longer", n="JUC+QA=="),
                                  row("i", "t", "n", id=3, i=None, t=None, n=None)])
    pipeline.kafka.publish(large, [row("v", id=1, v=2**40)])
    service.start()
    pipeline.wait_caught_up(flow)
    assert pipeline.dead_letters() == {}
    assert pipeline.sql("SELECT id, i, t, n::text, gone FROM flow ORDER BY id") == [
        (1, 1, "short", "123.45", None), (2, 2**40, "longer", "6250000.00", None), (3, None, None, None, None)]
    assert columns(pipeline, "flow") == {"id": "integer", "i": "bigint", "t": "text", "n": "numeric(12,2)", "gone": "text"}
    reason = pipeline.wait_state(large, "schema")
    statement = re.search("ALTER TABLE .*;", reason)
    assert statement and "rewrite" in reason, reason
    pipeline.sql(statement[0])
    pipeline.wait_caught_up(large)
    assert pipeline.sql("SELECT v FROM large WHERE id = 1") == [(2**40,)]
    before = len(statements(service))
    pipeline.kafka.publish(flow, [row("i", "t", "n", id=2, i=2**41, t="longer still", n=None)])
    pipeline.wait_caught_up(flow)
    assert len(statements(service)) == before, "a second run changes nothing"
    assert service.stop() == 0


def test_a_missing_table_is_made_by_its_first_event_and_equals_one_made_by_hand(pipeline):
    """Two instances, tables of the configuration and of events, keys in the value and beside it."""
    pipeline.sql('CREATE SCHEMA shop; CREATE TABLE hand (id int NOT NULL, "No" bigint NOT NULL, price numeric(12,2), at timestamp, '
                 'day date, tags text[], doc jsonb, PRIMARY KEY ("No", id))')
    fields = [{"field": "id", "type": "int32"}, {"field": "No", "type": "int64"},
              {"field": "price", "type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "optional": True,
               "parameters": {"scale": "2", "connect.decimal.precision": "12"}},
              {"field": "at", "type": "int64", "name": "io.debezium.time.MicroTimestamp", "optional": True},
              {"field": "day", "type": "int32", "name": "io.debezium.time.Date", "optional": True},
              {"field": "tags", "type": "array", "items": {"type": "string"}, "optional": True},
              {"field": "doc", "type": "string", "name": "io.debezium.data.Json", "optional": True}]
    row = {"type": "struct", "optional": True, "fields": fields}
    schema = {"type": "struct", "fields": [{**row, "field": "before"}, {**row, "field": "after"}, {"field": "op", "type": "string"},
                                           {"field": "source", "type": "struct", "fields": [{"field": "table", "type": "string"}]}]}

    def event(table, op, after, before=None):
        return None, encode({"schema": schema, "payload": {"before": before, "after": after, "op": op, "source": {"table": table}}})

    rows = [{"id": n, "No": n % 7, "price": "MDk=", "at": 1709210096789012 + n, "day": 19000 + n, "tags": ["a", None], "doc": '{"x": 1}'}
            if n % 3 else {"id": n, "No": n % 7, "price": None, "at": None, "day": None, "tags": None, "doc": None} for n in range(200)]
    topics = {name: pipeline.topic(name) for name in ("hand", "made", "named", "bare", "keyed", "removed", "log", "none")}
    for name in ("hand", "made", "named"):
        pipeline.kafka.publish(topics[name], [event(f"n{n % 5}", "c", one) for n, one in enumerate(rows)] + [
            event(f"n{n % 5}", "d", None, one) for n, one in enumerate(rows) if n > 150])
    pipeline.kafka.publish(topics["bare"], [(b"1", b'{"A b": true, "late": null}'), (b"2", b'{"A b": false, "late": 1.5}')])
    key = {"type": "struct", "fields": [{"field": "k", "type": "int16"}]}
    pipeline.kafka.publish(topics["keyed"], [(encode({"schema": key, "payload": {"k": 5}}), b'{"v": "x"}')])
    pipeline.kafka.publish(topics["removed"], [event("x", "d", None, rows[1])])
    pipeline.kafka.publish(topics["log"], [(None, b'{"what": "x"}'), (None, b'{"what": "x"}')])
    pipeline.kafka.publish(topics["none"], [(None, b'{"v": 1}'), (None, b'{"id": null, "v": 1}'), (b"3", None)])
    pair = ["No", "id"]
    routes = (route(topics["hand"], "public.hand", pair, evolve="tables") + route(topics["made"], "shop.made", pair, evolve="tables")
              + route(topics["named"], "shop.{source.table}", pair, evolve="tables")
              + route(topics["bare"], "bare", "id", evolve="tables", **{"columns.add": {"at_offset": "@offset"}, "delete": "soft:gone"})
              + route(topics["keyed"], "public.keyed", "k", evolve="tables")
              + route(topics["removed"], "public.removed", pair, evolve="tables")
              + route(topics["log"], "public.log", [], mode="insert", evolve="tables")
              + route(topics["none"], "public.none", "id", evolve="tables"))
    services = [pipeline.service(routes) for _ in range(2)]
    checked = run("check", "--connect", "--config", services[0].config, seconds=60)
    assert checked.returncode == 0 and "shop.made  does not exist: the first event decides" in checked.stdout, checked
    for service in services:
        service.expected = ["dead letters"]
        service.start()
    pipeline.wait_caught_up(*topics.values())
    hand = pipeline.sql("SELECT * FROM hand ORDER BY id")
    assert len(hand) == 151
    assert pipeline.sql("SELECT * FROM shop.made ORDER BY id") == hand
    assert pipeline.sql(" UNION ALL ".join(f"SELECT * FROM shop.n{n}" for n in range(5)) + " ORDER BY id") == hand
    for table in ("shop.made", "shop.n0"):
        assert pipeline.sql(COLUMNS, table) == pipeline.sql(COLUMNS, "hand")
        assert pipeline.sql("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'", table) == [
            ('PRIMARY KEY ("No", id)',)]
    assert pipeline.sql('SELECT id, "A b", at_offset, gone, late::text FROM public.bare ORDER BY id') == [
        (1, True, 0, False, None), (2, False, 1, False, "1.5")]
    assert columns(pipeline, "bare") == {"id": "bigint", "A b": "boolean", "at_offset": "bigint", "gone": "boolean", "late": "numeric"}
    assert columns(pipeline, "keyed") == {"k": "smallint", "v": "text"}
    assert pipeline.sql("SELECT * FROM keyed") == [(5, "x")]
    assert pipeline.sql("SELECT count(*) FROM removed") == [(0,)]
    assert pipeline.sql("SELECT count(*) FROM log") == [(2,)]
    assert pipeline.sql("SELECT count(*) FROM pg_index WHERE indrelid = 'log'::regclass") == [(0,)]
    assert sorted(at[0] + str(at[2]) for at in pipeline.dead_letters()) == [topics["none"] + "0", topics["none"] + "1"]
    assert columns(pipeline, "none") == {"id": "bigint"}, "of the tombstone's key"
    for service in services:
        assert service.stop() == 0


def test_tables_of_children_are_made_and_follow_the_elements_of_their_arrays(pipeline):
    topic = pipeline.topic("family")
    routes = route(topic, "public.family", evolve="tables") + (
        '[[route.child]]\npath = "items"\ntable = "public.family_items"\nkey = ["family_id", "line"]\n'
        'columns = { family_id = "$.id", line = "@index" }\n')
    service = pipeline.service(routes).start()
    publish = pipeline.kafka.publish
    publish(topic, [(None, encode(one)) for one in (
        {"id": 1, "items": []}, {"id": 2, "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 1.5}]},
        {"id": 3, "items": [{"sku": "c", "colour": "red"}]}, {"id": 2, "items": [{"sku": "d"}]})])
    pipeline.wait_caught_up(topic)
    assert pipeline.dead_letters() == {}
    assert columns(pipeline, "family_items") == {"family_id": "bigint", "line": "integer", "sku": "text", "n": "numeric",
                                                 "colour": "text"}
    assert pipeline.sql("SELECT family_id, line, sku, colour FROM family_items ORDER BY 1, 2") == [
        (2, 1, "d", None), (3, 1, "c", "red")]
    assert pipeline.sql("SELECT id FROM family ORDER BY id") == [(1,), (2,), (3,)]
    assert service.stop() == 0


def test_tables_of_children_have_the_types_of_schemas_and_the_collation_of_their_parents(pipeline):
    def child(name, kind="id"):
        return (f'[[route.child]]\npath = "items"\ntable = "public.{name}_items"\nkey = ["row_{kind}", "line"]\n'
                f'columns = {{ row_{kind} = "$.{kind}", line = "@index" }}\n')

    def avro(*fields):
        item = {"type": "record", "name": "Item", "fields": [{"name": name, "type": kind} for name, kind in fields]}
        return {"schema": json.dumps({"type": "record", "name": "Row", "fields": [
            {"name": "id", "type": "int"}, {"name": "items", "type": {"type": "array", "items": item}}]})}

    def of_json(**fields):
        item = {"type": "object", "properties": fields}
        return {"schemaType": "JSON", "schema": json.dumps({"type": "object", "properties": {
            "id": {"type": "integer", "connect.type": "int32"}, "items": {"type": "array", "items": item}}})}

    small, text_field = {"type": "integer", "connect.type": "int32"}, {"type": "string"}
    stub = StubRegistry({
        "1": avro(("sku", "string"), ("n", "int")), "2": avro(("sku", "string"), ("n", "long"), ("colour", ["null", "string"])),
        "3": of_json(sku=text_field, n=small), "4": of_json(sku=text_field, n={"type": "integer"}, colour=text_field)})
    pipeline.sql("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false); "
                 "CREATE TABLE named (name text COLLATE loose PRIMARY KEY, v varchar(3) COLLATE loose); "
                 "CREATE EXTENSION citext; CREATE TABLE cased (name citext PRIMARY KEY)")
    topics = [pipeline.topic(name) for name in ("avro", "jsons", "named", "cased")]
    pipeline.kafka.publish(topics[0], [
        (None, frame(1, number(7) + number(1) + text("a") + number(1) + number(0))),
        (None, frame(2, number(8) + number(2) + text("b") + number(2**40) + number(0) + text("c") + number(1) + number(1)
                     + text("red") + number(0)))])
    pipeline.kafka.publish(topics[1], [
        (None, frame(3, encode({"id": 7, "items": [{"sku": "a", "n": 1}]}))),
        (None, frame(4, encode({"id": 8, "items": [{"sku": "b", "n": 2**40}, {"sku": "c", "n": 1, "colour": "red"}]}))),
        (None, frame(4, encode({"id": 9, "items": [{"sku": "d"}]}))), (None, frame(4, encode({"id": 9, "items": []})))])
    pipeline.kafka.publish(topics[2], [(None, encode({"name": name, "items": items})) for name, items in (
        ("é", [{"sku": "a"}, {"sku": "b"}]), ("E", [{"sku": "c"}]))] + [(None, encode({
            "schema": {"type": "struct", "fields": [{"field": "name", "type": "string"}, {"field": "v", "type": "string"}]},
            "payload": {"name": "ê", "v": "Größe"}}))])
    pipeline.kafka.publish(topics[3], [(None, encode({"name": name, "items": items})) for name, items in (
        ("ÉMILE", [{"sku": "a"}, {"sku": "b"}]), ("Émile", [{"sku": "c"}]))])
    try:
        routes = (route(topics[0], "public.avro", evolve="tables") + child("avro")
                  + route(topics[1], "public.jsons", evolve="tables") + child("jsons")
                  + route(topics[2], "public.named", "name", evolve="tables") + child("named", "name")
                  + route(topics[3], "public.cased", "name", evolve="tables") + child("cased", "name"))
        service = pipeline.service(routes, rest=f'[registry]\nurl = "{stub.url}"\n').start()
        pipeline.wait_caught_up(*topics)
    finally:
        stub.remove()
    assert pipeline.dead_letters() == {}
    for name in ("avro", "jsons"):
        assert columns(pipeline, f"{name}_items") == {
            "row_id": "integer", "line": "integer", "sku": "text", "n": "bigint", "colour": "text"}, name
        assert pipeline.sql(f"SELECT row_id, line, sku, n, colour FROM {name}_items ORDER BY 1, 2") == [
            (7, 1, "a", 1, None), (8, 1, "b", 2**40, None), (8, 2, "c", 1, "red")]
    assert pipeline.sql("SELECT row_name = 'e', line, sku FROM named_items ORDER BY line") == [(True, 1, "c")], "one parent"
    assert pipeline.sql("SELECT row_name = 'émile', line, sku FROM cased_items ORDER BY line") == [(True, 1, "c")]
    assert columns(pipeline, "named")["v"] == "text"
    assert pipeline.sql("SELECT v = 'GROSSE' OR v = 'GRÖßE' FROM named") == [(True,)], "its collation is that of before"
    assert sum("to bigint" in line or "TYPE bigint" in line for line in statements(service)) == 2, statements(service)
    assert service.stop() == 0


def test_a_table_without_its_schema_or_in_a_forbidden_one_waits_and_is_not_made(pipeline):
    missing, unnamed = pipeline.topic("missing"), pipeline.topic("unnamed")
    for topic in (missing, unnamed):
        pipeline.kafka.publish(topic, [(None, encode({"id": 1, "v": "x"}))])
    pipeline.sql(f'ALTER DATABASE "{pipeline.name}" SET search_path = sluice')
    service = pipeline.service(route(missing, "later.t", evolve="tables") + route(unnamed, "t", evolve="tables"))
    service.expected = ["schema"]
    service.start(ready=False)
    reason = pipeline.wait_state(missing, "schema")
    assert "3F000" in reason and 'CREATE TABLE IF NOT EXISTS "later"."t" ("id" bigint NOT NULL, "v" text, PRIMARY KEY ("id"));' in reason
    assert "search path leads to sluice" in pipeline.wait_state(unnamed, "schema")
    assert pipeline.sql("SELECT to_regclass('sluice.t')") == [(None,)]
    pipeline.sql(f'CREATE SCHEMA later; ALTER DATABASE "{pipeline.name}" SET search_path = later')
    pipeline.wait_caught_up(missing)
    assert pipeline.sql("SELECT * FROM later.t") == [(1, "x")]
    assert pipeline.dead_letters() == {}
    service.stop()
