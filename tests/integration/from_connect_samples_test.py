"""Each configuration of tests/data/connect becomes a file that runs: records as its converters and transforms expect them make
the rows that the sink would have made. Each has a database of its own; some run at once.
"""
import contextlib
import datetime
import json
import pathlib
import re
import struct

import pytest

from support.kafka import EmbeddedBroker
from support.pipeline import Database, encode, running_services
from support.protobuf import classes, file, framed, text_of
from support.registry import StubRegistry, frame, number
from support.sluice import run
from support.waiting import wait_until

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "connect"
SURROUNDINGS = '\n[console]\nlisten = ""\n[http]\nlisten = "127.0.0.1:{}"\n'
AVRO = {
    "1": {"type": "record", "name": "Metric", "fields": [{"name": "host", "type": "string"}, {"name": "at", "type": "long"},
                                                         {"name": "load", "type": "double"}]},
    "2": {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]},
    "3": {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}, {"name": "state", "type": "string"}]}}
LOG = {"type": "object", "properties": {"level": {"type": "string"}, "line": {"type": "string"}}}
WINDOW = file("window.proto", {"Window": {"window_start": "int64", "window_end": "int64", "total": "int32"}})
TYPES = {int: "int64", str: "string", dict: "struct"}
SCHEMAS = {**{one: {"schema": json.dumps(schema)} for one, schema in AVRO.items()},
           "4": {"schemaType": "JSON", "schema": json.dumps(LOG)}, "5": {"schemaType": "PROTOBUF", "schema": text_of(WINDOW)}}
NEW, OLD = {"id": 1, "name": "a"}, {"id": 2, "name": "b"}


def avro_text(value):
    return number(len(value)) + value.encode()


def metric(host, at, load):
    return frame(1, avro_text(host) + number(at) + struct.pack("<d", load))


def avro_key(identity):
    return frame(2, number(identity))


def order(identity, state):
    return frame(3, number(identity) + avro_text(state))


def window(start, total):
    return framed(5, classes(WINDOW)["Window"](window_start=start, window_end=start + 60, total=total))


def described(payload):
    """As Kafka Connect's JsonConverter writes with schemas.enable = true."""
    def schema(value, name=None):
        made = {"type": TYPES[type(value)] if value is not None else "string", "optional": True, **({"field": name} if name else {})}
        if isinstance(value, dict):
            made["fields"] = [schema(one, field) for field, one in value.items()]
        return made
    return encode({"schema": schema(payload), "payload": payload})


def change(op, before, after, write=described, table="customers"):
    """An event of Debezium with its key."""
    envelope = {"before": before, "after": after, "op": op, "ts_ms": 1700000000000,
                "source": {"connector": "postgresql", "schema": "public", "table": table, "lsn": 77, "ts_ms": 1700000000000}}
    return write({"id": (after or before)["id"]}), write(envelope)


def story(write=described, table="customers", **more):
    """Two rows come, the first one changes, the second one goes, as Debezium tells it."""
    first, second = {**NEW, **more}, {**OLD, **more}
    return [change("c", None, first, write, table), change("c", None, second, write, table),
            change("u", None, {**first, "name": "c"}, write, table), change("d", second, None, write, table), (write({"id": 2}), None)]


def plain(write=described, **more):
    """The same in flat records."""
    return [(write({"id": one["id"]}), write({**one, **more})) for one in (NEW, OLD, {**NEW, "name": "c"})] + [(write({"id": 2}), None)]


WHEN = datetime.datetime(2023, 11, 14, 22, 13, 20)
ITEM = "(id bigint PRIMARY KEY, name text)"
# Sample: statements before the start, records by topic, and the rows of queries.
SAMPLES = {
    "aiven_mapping": (
        "CREATE SCHEMA monitoring; CREATE TABLE monitoring.cpu (host text, at bigint, load float8, PRIMARY KEY (host, at)); "
        "CREATE TABLE metrics_disk (LIKE monitoring.cpu INCLUDING ALL); CREATE TABLE metrics_net (LIKE monitoring.cpu INCLUDING ALL)",
        {topic: [(b"h", metric("h", 1, 0.5)), (b"h", metric("h", 2, load)), (b"h", None)]
         for topic, load in (("metrics.cpu", 1.5), ("metrics.disk", 2.5), ("metrics-net", 3.5))},
        {f"SELECT * FROM {table} ORDER BY at": [("h", 1, 0.5), ("h", 2, load)]
         for table, load in (("monitoring.cpu", 1.5), ("metrics_disk", 2.5), ("metrics_net", 3.5))}),
    "aiven_whole_reference": (
        "CREATE TABLE events (event_id bigint PRIMARY KEY, name text)",
        {"events": [(described({"id": n}), described({"event_id": n, "name": name})) for n, name in ((1, "a"), (2, "b"), (1, "c"))]
         + [(described({"id": 2}), None)]},
        {"SELECT * FROM events ORDER BY 1": [(1, "c"), (2, "b")]}),
    "confluent_append_json": (
        "CREATE SCHEMA web; CREATE TABLE web.raw_clicks (at timestamptz, user_id bigint, url text)",
        {"clicks": [(None, encode({"at": WHEN.isoformat() + "Z", "user_id": n, "url": "/", "agent": "x"})) for n in (1, 1, 2)]},
        {"SELECT user_id, url, at AT TIME ZONE 'UTC' FROM web.raw_clicks ORDER BY 1": [(n, "/", WHEN) for n in (1, 1, 2)]}),
    "confluent_flatten": (
        "CREATE TABLE people (id bigint PRIMARY KEY, name text, address_city text, address_geo_lat bigint)",
        {"people": [(described(n), described({"name": name, "address": {"city": "Bern", "geo": {"lat": 47}}}))
                    for n, name in ((1, "a"), (2, "b"), (1, "c"))] + [(described(2), None)]},
        {"SELECT * FROM people ORDER BY 1": [(1, "c", "Bern", 47), (2, "b", "Bern", 47)]}),
    "confluent_kafka_coordinates": (
        "CREATE SCHEMA audit; CREATE TABLE audit.events (__connect_topic text, __connect_partition int, __connect_offset bigint, "
        "level text, line text, logged_at timestamptz, cluster text DEFAULT 'eu-1', "
        "PRIMARY KEY (__connect_topic, __connect_partition, __connect_offset))",
        {"audit.log": [(b"x", frame(4, encode({"level": "warn", "line": line}))) for line in "ab"] + [(b"x", None)]},
        {"SELECT __connect_topic, __connect_offset, level, line, logged_at IS NOT NULL, cluster FROM audit.events ORDER BY 2":
         [("audit.log", 0, "warn", "a", True, "eu-1"), ("audit.log", 1, "warn", "b", True, "eu-1")]}),
    "confluent_orders_avro": (
        "CREATE SCHEMA shop",  # auto.create makes the tables
        {f"shop.{name}": [(avro_key(n), order(n, state)) for n, state in ((1, "new"), (2, "new"), (1, "paid"))] + [(avro_key(2), None)]
         for name in ("orders", "customers")},
        {f"SELECT * FROM shop.{name}": [(1, "paid")] for name in ("orders", "customers")}),
    "confluent_rewrite_deletes": (
        "CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text, email text, __deleted boolean)",
        {"crm.public.customers": story(mail="x@y", password_hash="h", internal_note="n")},
        {"SELECT customer_id, name, email, __deleted FROM customers ORDER BY 1": [(1, "c", "x@y", False), (2, "b", "x@y", True)]}),
    "confluent_unwrap_default": (
        f"CREATE TABLE orders {ITEM}; CREATE TABLE lines {ITEM}",
        {"shop.public.orders": story(), "shop.public.lines": story(encode)},
        {"SELECT * FROM orders": [(1, "c")], "SELECT * FROM lines": [(1, "c")]}),
    "confluent_unwrap_router": (
        'CREATE TABLE customers (id bigint PRIMARY KEY, name text, __op text, __source_ts_ms bigint, __lsn bigint)',
        {"dbserver1.inventory.customers": story()},
        {"SELECT * FROM customers": [(1, "c", "u", 1700000000000, 77)]}),
    "confluent_value_to_key": (
        "".join(f"CREATE TABLE meter_{name} (window_start timestamp, window_end bigint, total int, "
                "PRIMARY KEY (window_start, window_end));" for name in ("m1", "m2")),
        {f"meter_{name}": [(b"x", window(1700000000, total)) for total in (1, 2)] + [(b"x", window(1700000060, 3)), (b"x", None)]
         for name in ("m1", "m2")},
        {f"SELECT * FROM meter_{name} ORDER BY 1":
         [(WHEN, 1700000060, 2), (WHEN + datetime.timedelta(minutes=1), 1700000120, 3)] for name in ("m1", "m2")}),
    "debezium_default": (
        "", {"server.public.Orders": story()}, {"SELECT * FROM server_public_orders": [(1, "c")]}),
    "debezium_fields": (
        "CREATE SCHEMA staging; CREATE TABLE staging.customers (id bigint PRIMARY KEY, email text, name text); "
        "CREATE TABLE staging.orders (id bigint PRIMARY KEY, total bigint, name text)",
        {"crm.public.customers": story(email="x@y"), "crm.public.orders": story(table="orders", total=5)},
        {"SELECT * FROM staging.customers": [(1, "x@y", None)], "SELECT * FROM staging.orders": [(1, 5, None)]}),
    "debezium_headers": (
        "CREATE TABLE tenant_a_events (tenant text, event_id text, name text, amount float8, trace_id text, PRIMARY KEY (tenant, event_id)); "
        "INSERT INTO tenant_a_events VALUES ('t', '1', 'old', 0, NULL), ('t', '2', 'old', 0, NULL)",
        {"tenant_a_events": [
            (None, encode({"specversion": "1.0", "id": str(n), "source": "/s", "type": "x", "datacontenttype": "application/json",
                           "data": {"name": "new", "amount": 1.5}}),
             [("tenant", b"t"), ("event_id", str(n).encode()), ("trace-id", b"z")]) for n in (1, 3)] + [
                 (None, None, [("tenant", b"t"), ("event_id", b"2")])]},
        {"SELECT * FROM tenant_a_events ORDER BY event_id": [("t", "1", "new", 1.5, "z"), ("t", "2", "old", 0.0, None)]}),
    "debezium_pattern_fields": (
        f"CREATE TABLE orders {ITEM}; CREATE TABLE users {ITEM}",
        {"shop.public.orders": plain(card="1"), "shop.public.users": story(password="p", table="users")},
        {"SELECT * FROM orders ORDER BY 1": [(1, "c"), (2, "b")], "SELECT * FROM users ORDER BY 1": [(1, "c"), (2, "b")]}),
    "debezium_topic_fields": (
        f"CREATE TABLE orders {ITEM}; CREATE TABLE users (id bigint PRIMARY KEY, name text, card text)",
        {"shop.public.orders": story(card="1", table="orders"), "shop.public.users": plain(card="2", password="p")},
        {"SELECT * FROM orders ORDER BY 1": [(1, "c"), (2, "b")], "SELECT * FROM users ORDER BY 1": [(1, "c", "2"), (2, "b", "2")]}),
}


def of_this_place(made, database, registry):
    """The file with this place's servers: what a user corrects. Everything else stays as it was made."""
    text = re.sub(r'(?m)^(\[postgres\]\n(?:#.*\n)*)url = ".*"$', lambda found: f"{found[1]}url = {json.dumps(database.url)}", made)
    text = re.sub(r'(?m)^(\[registry\]\n)url = ".*"$', lambda found: f'{found[1]}url = "{registry.url}"', text)
    text = re.sub(r'(?m)^"(sasl|security)\..*\n', "", text)
    text = re.sub(r"(?m)^lanes = .*$", "lanes = 1", text)
    text, starts = re.subn(r'(?m)^start = "group:.*"$', 'start = "earliest"', text)
    assert starts == 1 and f"url = {json.dumps(database.url)}" in text, text
    return text


class Running:
    """Starts some services ahead of the one that is looked at: most of a start is waiting, and connections have a limit."""
    AHEAD = 8

    def __init__(self, postgres, stack):
        self.postgres, self.stack, self.started, self.brokers = postgres, stack, {}, []
        self.registry = StubRegistry(SCHEMAS)
        stack.callback(self.registry.remove)

    def broker(self, topics):
        """One that has none of the topics yet: some samples read the same ones, with records of another shape."""
        for broker, known in self.brokers:
            if known.isdisjoint(topics):
                known.update(topics)
                return broker
        broker = EmbeddedBroker()
        self.stack.callback(broker.remove)
        self.brokers.append((broker, set(topics)))
        return broker

    def start(self, sample):
        statements, topics, _ = SAMPLES[sample]
        path = next(path for path in DATA.iterdir() if path.stem == sample)
        broker, database = self.broker(topics), Database(self.postgres, f"connect_{sample}")
        if statements:
            database.sql(statements)
        producer = broker.producer()
        for topic, records in topics.items():
            broker.create_topic(topic)
            for key, value, *headers in records:
                producer.produce(topic, key=key, value=value, partition=0, headers=headers[0] if headers else None)
        assert producer.flush(60) == 0
        made = run("init", "--from-connect", str(path), "--brokers", broker.bootstrap)
        assert made.returncode == 0, made.stderr
        service = self.stack.enter_context(running_services(broker, database))("")
        pathlib.Path(service.config).write_text(of_this_place(made.stdout, database, self.registry) + SURROUNDINGS.format(service.port),
                                                encoding="utf-8")
        self.started[sample] = (database, service.start(ready=False))

    def take(self, sample):
        names = list(SAMPLES)
        for one in names[names.index(sample):][:self.AHEAD]:
            if one not in self.started:
                self.start(one)
        return self.started[sample]


@pytest.fixture(scope="module")
def running(postgres):
    with contextlib.ExitStack() as stack:
        yield Running(postgres, stack)


def test_each_sample_has_its_records():
    assert sorted(SAMPLES) == sorted(path.stem for path in DATA.iterdir() if path.suffix in (".json", ".properties"))


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_file_that_is_made_of_a_sink_runs_and_makes_its_rows(sample, running):
    database, service = running.take(sample)
    _, topics, rows = SAMPLES[sample]
    ends = {(topic, 0): len(records) for topic, records in topics.items()}

    def passed():
        pointers = database.pointers()
        return {place: pointers.get(place) for place in ends} == ends

    def states():
        return {topic: database.state(topic) for topic in topics}

    wait_until(lambda: passed() or any(state not in ("ok", None) for state, _ in states().values()), service.tail, 60)
    assert passed(), f"{states()}\n{service.tail()}"
    assert {query: database.sql(query) for query in rows} == rows
    assert not database.dead_letters()
    assert service.stop() == 0
