"""Tables that follow their events: `evolve` of a route (docs/evolution.md, whose tables of types are tested here)."""
import contextlib
import json
import pathlib
import re

import psycopg2

from support.pipeline import encode, route
from support.registry import StubRegistry, frame, number
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
    pipeline.sql("CREATE TABLE flow (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY); CREATE TABLE held (id int PRIMARY KEY)")
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
