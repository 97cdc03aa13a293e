"""Whatever looks at records reads the frames of a schema registry, too: every format with every command. The table is in
docs/formats.md, and compared with the tests here.
"""
import concurrent.futures
import contextlib
import itertools
import json
import pathlib
import re

import pytest

from support import protobuf
from support.console import Access
from support.pipeline import Database, Pipeline, encode, route, running_services
from support.registry import StubRegistry, frame, number, text
from support.sluice import run
from support.waiting import wait_until

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "formats.md"
KINDS = ["avro", "protobuf", "json-schema", "auto"]
FIELDS = ["id", "n", "name", "colour"]  # the last one is known to the second schema of a topic only
COLUMNS = {"id": "bigint", "n": "integer", "name": "text", "colour": "text"}
PLACES = itertools.count(1)


def avro_schema(count):
    types = ["long", "int", ["null", "string"], ["null", "string"]]
    return {"schema": json.dumps({"type": "record", "name": "Row", "fields": [
        {"name": name, "type": kind} for name, kind in zip(FIELDS[:count], types)]})}


def json_schema(count):
    kinds = [{"type": "integer", "connect.type": "int64"}, {"type": "integer", "connect.type": "int32"},
             {"oneOf": [{"type": "null"}, {"type": "string"}]}, {"type": ["null", "string"]}]
    return {"schemaType": "JSON", "schema": json.dumps({"type": "object", "properties": dict(zip(FIELDS[:count], kinds))})}


def proto_file(count):
    kinds = ["int64", "int32", "optional string", "optional string"]
    return protobuf.file(f"rows{count}.proto", {f"Row{count}": dict(zip(FIELDS[:count], kinds))})


PROTOS = {count: proto_file(count) for count in (3, 4)}
MESSAGES = {count: protobuf.classes(made)[f"Row{count}"] for count, made in PROTOS.items()}
# The numbers of the schemas with three and with four fields.
SCHEMAS = {"avro": {3: 13, 4: 14}, "protobuf": {3: 23, 4: 24}, "json-schema": {3: 33, 4: 34}}


def value(kind, row):
    """The row as a record's value; with a colour in the second schema."""
    count = len(row)
    if kind == "auto":  # one of each, by turns, and JSON without a schema
        kind = [*SCHEMAS, "json"][row["id"] % 4]
    if kind == "json":
        return encode(row)
    if kind == "protobuf":
        return protobuf.framed(SCHEMAS[kind][count], MESSAGES[count](**row))
    if kind == "json-schema":
        return frame(SCHEMAS[kind][count], encode(row))
    return frame(SCHEMAS[kind][count], number(row["id"]) + number(row["n"]) + b"".join(
        number(0) if one is None else number(1) + text(one) for one in list(row.values())[2:]))


class Place(Pipeline):
    """A service whose routes read a topic of each format into a table of the format's name, and whose console is asked."""

    def __init__(self, kafka, database, services, registry):
        super().__init__(kafka, database, services)
        self.registry, self.access = registry, Access()
        self.topics = {kind: self.topic(kind, kafka.PARTITIONS) for kind in KINDS}
        self.tables = {kind: "t_" + kind.replace("-", "_") for kind in KINDS}
        self.rows = {kind: [{"id": n, "n": n * 10, "name": f"name {n}"} for n in range(1, 9)] for kind in KINDS}
        for kind in KINDS:
            self.write(kind, *self.rows[kind])
        self.live = services("".join(route(self.topics[kind], f"public.{self.tables[kind]}", format=kind, evolve="tables")
                                     for kind in KINDS), console=self.access.toml(), rest=f'[registry]\nurl = "{registry.url}"\n')
        self.live.start()

    def write(self, kind, *rows):
        """The offset of the last one, once it has taken effect or is a dead letter."""
        return self.kafka.publish(self.topics[kind], [(None, value(kind, row)) for row in rows], 0)[-1][1]

    def caught_up(self, kind):
        wait_until(lambda: self.pointers().get((self.topics[kind], 0)) == self.kafka.ends(self.topics[kind])[0], self.logs)

    def ok(self, *words):
        answer = self.access.run(*words, key="k_oper")
        assert (answer.code, answer.err) == (0, ""), f"{words}: {answer}"
        return answer.out

    def data(self, *words):
        return json.loads(self.ok(*words, "--json"))["data"]

    def columns(self, table):
        return dict(self.sql("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass "
                             "AND attnum > 0 AND NOT attisdropped ORDER BY attnum", table))

    def table_rows(self, kind):
        self.caught_up(kind)
        names = self.columns(self.tables[kind])
        return [dict(zip(names, row)) for row in self.sql(f"SELECT * FROM {self.tables[kind]} ORDER BY id")]


@pytest.fixture(scope="module")
def place(broker, postgres):
    stub = StubRegistry({})
    for kind, numbers in SCHEMAS.items():
        for count, identifier in numbers.items():
            made = {"avro": avro_schema, "json-schema": json_schema,
                    "protobuf": lambda n: {"schemaType": "PROTOBUF", "schema": protobuf.text_of(PROTOS[n])}}[kind](count)
            stub.schemas[str(identifier)] = made
    database = Database(postgres, f"registry_commands{next(PLACES)}")
    with contextlib.closing(contextlib.ExitStack()) as stack:
        stack.callback(stub.remove)
        made = Place(broker, database, stack.enter_context(running_services(broker, database)), stub)
        stack.callback(made.access.remove)
        yield made
        assert made.live.stop() == 0


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def first_rows(place, kind):
    """(offset, row): one of each kind that the topic has."""
    return list(enumerate(place.rows[kind]))[:4 if kind == "auto" else 1]


def test_evolve_tables_makes_the_table_that_the_schema_describes(place, kind):
    place.caught_up(kind)
    assert place.columns(place.tables[kind]) == {name: COLUMNS[name] for name in FIELDS[:3]}
    assert place.table_rows(kind) == place.rows[kind]


def test_init_proposes_the_format_the_key_and_the_columns(place, kind):
    done = run("init", "--brokers", place.kafka.bootstrap, "--topic", place.topics[kind], "--postgres", place.url,
               "--registry", place.registry.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(rf'(?m)^format = "{kind}"$', done.stdout), done.stdout
    proposed = re.findall(r'(?m)^#   "(\w+)" (\w+)', done.stdout)
    width = "bigint" if kind == "auto" else "integer"  # JSON without a schema is among them
    assert proposed == [("id", "bigint"), ("n", width), ("name", "text")], done.stdout


def test_explain_on_the_command_line_and_in_the_console_shows_the_row(place, kind):
    place.caught_up(kind)
    for offset, row in first_rows(place, kind):
        told = run("explain", "--config", place.live.config, "--topic", place.topics[kind], "--at", f"0:{offset}")
        assert (told.returncode, told.stderr) == (0, "") and "applied" in told.stdout and row["name"] in told.stdout, told
        assert "accepts it; rolled back" in told.stdout
        shown = place.data("explain", f"{place.topics[kind]}/0", str(offset), "--sql")
        assert shown["outcome"] == "applied" and row["name"] in json.dumps(shown), shown


def test_record_shows_the_bytes_as_they_were_written(place, kind):
    for offset, row in first_rows(place, kind):
        shown = place.data("record", f"{place.topics[kind]}/0", str(offset), "--raw")
        assert shown["value_bytes"] == len(value(kind, row)) and row["name"] in shown["value"], shown


def test_tail_filters_by_what_the_frames_hold(place, kind):
    rows = [{"id": n, "n": 7 if n < 24 else 8, "name": "tail"} for n in range(20, 28)]
    tail = place.access.popen("tail", f"{place.topics[kind]}/0", "--json", "--limit", "4", "--filter", "\"n = 7 and name = 'tail'\"",
                              key="k_oper")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(tail.communicate, timeout=120)

        def ended():  # one that has just begun does not see what was written before
            place.write(kind, *rows)
            return answer.done()
        wait_until(ended, "the tail has seen enough", 120)
        documents = [json.loads(line)["data"] for line in answer.result()[0].splitlines()]
    assert tail.returncode == 0
    found = [one["value"] for document in documents for one in document["records"]]
    assert found == [value(kind, row).decode("utf-8", "replace") for row in rows[:4]], documents
    assert all(one["not_judged"] == 0 for one in documents), documents
    place.rows[kind] += rows


def test_evolve_columns_adds_what_a_later_schema_has(place, kind):
    added = [{"id": n, "n": n * 10, "name": None if n % 2 else f"name {n}", "colour": f"colour {n}"} for n in range(30, 34)]
    place.write(kind, *added)
    place.caught_up(kind)
    assert place.columns(place.tables[kind]) == COLUMNS
    for row in place.rows[kind]:
        row["colour"] = None
    place.rows[kind] += added
    assert place.table_rows(kind) == sorted(place.rows[kind], key=lambda row: row["id"])


def test_a_dead_letter_is_replayed_once_the_table_takes_it(place, kind):
    place.caught_up(kind)
    table = place.tables[kind]
    place.sql(f"ALTER TABLE {table} ADD CONSTRAINT small CHECK (n < 1000)")
    refused = [{"id": n, "n": 5000, "name": "refused"} for n in range(40, 44)]
    place.write(kind, *refused)
    place.caught_up(kind)
    query = "SELECT id, sqlstate FROM sluice.dead_letter WHERE topic = %s AND resolved_at IS NULL"
    letters = place.sql(query, place.topics[kind])
    assert [sqlstate for _, sqlstate in letters] == ["23514"] * 4
    assert place.ok("dead", "replay", "--table", f"public.{table}", "--dry-run").count("PostgreSQL would refuse: 23514") == 4
    shown = place.ok("dead", "show", str(letters[0][0]))
    assert "23514" in shown
    place.sql(f"ALTER TABLE {table} DROP CONSTRAINT small")
    place.ok("dead", "replay", "--table", f"public.{table}")
    assert place.sql(query, place.topics[kind]) == []
    assert [row["id"] for row in place.table_rows(kind) if row["n"] == 5000] == [40, 41, 42, 43]


def test_a_dead_letter_is_replayed_as_soon_as_its_schema_is_registered(place):
    late = {"id": 50, "n": 500, "name": "late"}
    topic, table = place.topics["avro"], place.tables["avro"]
    place.kafka.publish(topic, [(None, frame(99, value("avro", late)[5:]))], 0)
    place.caught_up("avro")
    query = "SELECT reason FROM sluice.dead_letter WHERE topic = %s AND resolved_at IS NULL"
    assert place.sql(query, topic) == [("value: found schema 99, expected one that the registry knows",)]
    place.registry.schemas["99"] = avro_schema(3)
    place.ok("dead", "replay", "--table", f"public.{table}")
    assert place.sql(query, topic) == []
    assert place.sql(f"SELECT n, name FROM {table} WHERE id = 50") == [(500, "late")]


def test_verify_deep_compares_the_rows_and_finds_one_that_was_changed(place, kind):
    place.caught_up(kind)
    table = place.tables[kind]
    good = run("verify", "--config", place.live.config, "--deep")
    assert (good.returncode, good.stderr) == (0, ""), good
    assert re.search(rf"(?m)^table public.{table}: \d+ rows expected; 0 missing, 0 changed, 0 extra$", good.stdout), good
    place.sql(f"UPDATE {table} SET name = 'by hand' WHERE id = 2")
    bad = run("verify", "--config", place.live.config, "--deep")
    assert bad.returncode == 1 and f"error: table public.{table}: (id) = (2): the row differs in name\n" in bad.stderr, bad
    place.sql(f"UPDATE {table} SET name = 'name 2' WHERE id = 2")


def test_the_page_has_a_row_for_every_test():
    header, _, *rows = PAGE.read_text(encoding="utf-8").partition("<!-- format and command -->\n")[2].partition("\n\n")[0].splitlines()
    assert re.findall(r"`([\w-]+)`", header) == KINDS
    named = [re.search(r"`(test_\w+)`", row)[1] for row in rows]
    assert named == [name for name, test in globals().items() if name.startswith("test_") and "kind" in test.__code__.co_varnames[:2]]
