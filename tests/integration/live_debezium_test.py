"""Debezium's PostgreSQL source connector, running, over a source under a random workload: every table of the target becomes
equal to its source, with schemas, without, flattened, and in Avro with a schema registry, while the service is killed; but for
the flattened table that the workload truncates, which is not compared.
"""
import contextlib
import pathlib
import random

import pytest

from support.connect import Connect, avro, postgres_source
from support.pipeline import route
from support.postgres import Postgres
from support.waiting import wait_until

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "debezium"
KEYS = {"everything": ["id"], "pair": ["a", "b"], "bigtext": ["id"]}
UNWRAP = {
    "transforms": "unwrap",
    "transforms_unwrap_type": "io.debezium.transforms.ExtractNewRecordState",
    "transforms_unwrap_delete_tombstone_handling_mode": "rewrite",
}
# Without a schema only text is exact.
AS_TEXT = {"value_converter_schemas_enable": "false", "key_converter_schemas_enable": "false",
           "decimal_handling_mode": "string", "time_precision_mode": "isostring"}
MODES = {"schema": {}, "plain": AS_TEXT, "flat": UNWRAP, "avro": {}}  # avro: with the settings of the registry's converter


def one_of(kind, *expressions):
    return f"(array[{', '.join(expressions)}]::{kind}[])[1 + floor(random() * {len(expressions)})]"


# Of each column, a value by chance: SQL, in which random() is seeded. What Debezium's events do not carry is left out: the
# last zeros of a numeric without a scale, the first zeros of a bit varying, the 24:00 of an ISO text, and (in snapshots) two
# days of years BC.
VALUES = {
    "i2": "(random() * 65535 - 32768)::int",
    "i4": "(random() * 4294967295 - 2147483648)::bigint",
    "i8": "(random() * 18e18 - 9e18)::numeric::bigint",
    "n": "(random() * 2e12 - 1e12)::numeric(20,4)",
    "nu": "trim_scale((random()::numeric - 0.5) * 10::numeric ^ (random() * 50 - 25)::int)",
    "f4": one_of("real", "'NaN'", "'Infinity'", "'-0'", "'1e-30'", "'3.25'", "random() * 1e30"),
    "f8": one_of("float8", "'NaN'", "'-Infinity'", "'0.1'", "'1e300'", "random()"),
    "b": "random() < 0.5",
    "t": one_of("text", "''", "'NULL'", "'null'", r"E'tab\tline\nquote\" back\\slash'", r"U&'\4E2D\6587 \+01F600'", "repeat('x', 20000)",
                "'__debezium_unavailable_value '", "'{\"a\": 1}'", "md5(random()::text)"),
    "vc": "left(md5(random()::text), (random() * 20)::int)",
    "c": "left(md5(random()::text), (random() * 5)::int)",
    "by": "decode(left(md5(random()::text), 2 * (random() * 16)::int), 'hex')",
    "u": "md5(random()::text)::uuid",
    "j": "('{\"n\": ' || random()::numeric || ', \"s\": \"\\u00e9\\\\n\",  \"big\": 123456789012345678901234567890}')::json",
    "jb": "jsonb_build_object('k', random()::numeric, 'l', array[1, null, 3], 'o', jsonb_build_object('x', 'y'))",
    "d": one_of("date", "'infinity'", "'-infinity'", "date '0001-01-01' + (random() * 3000000)::int"),
    "tm": "time '00:00' + random() * interval '24 hours'",
    "ts": one_of("timestamp", "'infinity'", "'-infinity'", "timestamp '0001-01-01' + random() * interval '3000 years'"),
    "ts3": one_of("timestamp", "'infinity'", "'-infinity'", "timestamp '1900-01-01' + random() * interval '300 years'"),
    "tsz": one_of("timestamptz", "'infinity'", "'-infinity'", "timestamptz '1900-01-01 00:00+00' + random() * interval '300 years'"),
    "iv": "make_interval((random() * 9)::int, (random() * 20 - 10)::int, 0, (random() * 40 - 20)::int, 0, 0, random() * 180000 - 90000)",
    "ia": "array[(random() * 1e9)::int, null, -1]",
    "ta": "array['a', null, 'b \"c\"', '{x,y}', md5(random()::text)]",
    "na": "array[(random() * 1e5)::numeric(8,2), null]",
    "m": "(enum_range(null::mood))[1 + floor(random() * 3)]",
    "ip": "('10.' || (random() * 255)::int || '.0.1/' || (8 + random() * 24)::int)::inet",
    "ci": "set_masklen(cidr '10.0.0.0/8', 8)",
    "mac": "('08:00:2b:' || (10 + random() * 89)::int || ':02:03')::macaddr",
    "r": "int4range((random() * 9)::int, 10 + (random() * 9)::int, '[]')",
    "tr": "tstzrange(timestamptz '2024-01-01 00:00+00', timestamptz '2024-01-01 00:00+00' + random() * interval '90 days')",
    "p": "point(random() * 100, -2)",
    "mo": "(random() * 1e6)::numeric(12,2)::money",
    "bt": "((random() * 15)::int)::bit(4)",
    "vb": "('1' || left(((random() * 65535)::int)::bit(16)::text, (random() * 15)::int))::varbit",
    "x": "('<a>' || (random() * 9)::int || '</a>')::xml",
}
UPSERT_PAIR = """INSERT INTO pair VALUES ({a}, '{b}', md5(random()::text))
                 ON CONFLICT (a, b) DO UPDATE SET v = excluded.v"""
LARGE = "(SELECT string_agg(md5(random()::text || i), '') FROM generate_series(1, 300) i)"


class Workload:
    """Transactions by chance over the three tables, on one connection."""

    def __init__(self, connection, seed):
        self.cursor, self.random = connection.cursor(), random.Random(seed)
        self.cursor.execute("SELECT setseed(%s)", [(seed % 1000) / 1000])

    def key(self):
        return self.random.randrange(60)

    def some(self):
        """Columns and expressions; one in eight is NULL."""
        chosen = self.random.sample(sorted(VALUES), self.random.randint(1, len(VALUES)))
        return {name: "NULL" if self.random.random() < 0.125 else VALUES[name] for name in chosen}

    def insert_everything(self):
        values = self.some()
        return (f"INSERT INTO everything (id, {', '.join(values)}) VALUES ({self.key()}, {', '.join(values.values())})"
                " ON CONFLICT (id) DO NOTHING")

    def update_everything(self):
        changes = ", ".join(f"{name} = {value}" for name, value in self.some().items())
        return f"UPDATE everything SET {changes} WHERE id = {self.key()}"

    def move_everything(self):
        here, there = self.key(), self.key()
        return f"""UPDATE everything SET id = {there}
                   WHERE id = {here} AND NOT EXISTS (SELECT FROM everything WHERE id = {there})"""

    def delete_everything(self):
        return f"DELETE FROM everything WHERE id = {self.key()}"

    def write_pair(self):
        return UPSERT_PAIR.format(a=self.random.randrange(5), b=self.random.choice(["x", "Y", "", "é", "'' \\ \""]))

    def delete_pair(self):
        return f"DELETE FROM pair WHERE a = {self.random.randrange(5)}"

    def write_bigtext(self):
        return f"""INSERT INTO bigtext VALUES ({self.random.randrange(20)}, 0, {LARGE})
                   ON CONFLICT (id) DO UPDATE SET small = bigtext.small + 1"""

    def change_bigtext(self):
        return f"UPDATE bigtext SET body = body || '!' WHERE id = {self.random.randrange(20)}"

    def truncate_pair(self):
        return "TRUNCATE pair"

    def run(self, transactions, truncates):
        kinds = {self.insert_everything: 6, self.update_everything: 6, self.move_everything: 3, self.delete_everything: 2,
                 self.write_pair: 4, self.delete_pair: 1, self.write_bigtext: 3, self.change_bigtext: 1}
        if truncates:
            kinds[self.truncate_pair] = 0.3
        for _ in range(transactions):
            self.cursor.execute("BEGIN")
            for kind in self.random.choices(list(kinds), kinds.values(), k=self.random.randint(1, 6)):
                self.cursor.execute(kind())
            self.cursor.execute("COMMIT" if self.random.random() < 0.9 else "ROLLBACK")


@pytest.fixture(scope="module")
def source():
    server = Postgres("wal_level = logical\n")
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture
def tables(source):
    """A connection to the source, with empty tables in it."""
    with contextlib.closing(source.connect()) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute((DATA / "tables.sql").read_text())
        yield connection


@pytest.fixture
def target(pipeline):
    with contextlib.closing(pipeline.postgres.connect(pipeline.name)) as connection:
        yield connection


def rows(cursor, table):
    """As text by key: json has no equality that tells -0 from 0 or the spaces in a json column apart."""
    cursor.execute(f"SELECT row_to_json(whole)::text FROM {table} whole ORDER BY {', '.join(KEYS[table.rpartition('.')[2]])}")
    return [row[0] for row in cursor.fetchall()]


def difference(tables, target, mode):
    """{table: the first rows that differ}"""
    found = {}
    with tables.cursor() as here, target.cursor() as there:
        for name in KEYS:
            if (mode, name) == ("flat", "pair"):  # Debezium drops a truncate instead of flattening it
                continue
            wanted, got = rows(here, name), rows(there, f"{mode}.{name}")
            if wanted != got:
                found[name] = (len(wanted), len(got), [pair for pair in zip(wanted, got) if pair[0] != pair[1]][:1])
    return found


def test_every_table_equals_its_source_whatever_form_the_events_have(pipeline, source, registry, tables, target, seed, option):
    workload = Workload(tables, seed)
    workload.run(40, truncates=False)  # what the connectors find when they begin
    names = [f"public.{name}" for name in KEYS]
    modes = {**MODES, "avro": avro(registry)}
    prefixes = {mode: f"{pipeline.name}_{mode}" for mode in modes}
    connect = Connect(pipeline.kafka.bootstrap, {
        prefixes[mode]: postgres_source(source.port, "postgres", prefixes[mode], names, **settings)
        for mode, settings in modes.items()})
    try:
        with target.cursor() as cursor:
            for mode in MODES:
                cursor.execute(f"CREATE SCHEMA {mode}; SET search_path TO {mode}; {(DATA / 'tables.sql').read_text()}")
            cursor.execute("SET TIME ZONE 'UTC'")
        routes = "".join(
            route(f"{prefixes[mode]}.public.{name}", f"{mode}.{name}", key, truncate="apply",
                  **({"delete_when": "__deleted = 'true'"} if mode == "flat" else {}))
            for mode in MODES for name, key in KEYS.items())
        for name in KEYS:
            for mode in MODES:
                topic = f"{prefixes[mode]}.public.{name}"
                wait_until(lambda t=topic: t in pipeline.kafka.admin.list_topics(timeout=60).topics,
                           lambda t=topic: f"no topic {t}\n{connect.log()[-3000:]}")
        service = pipeline.service(routes, rest=f'[registry]\nurl = "{registry.url}"\n')
        for _ in range(option("kills", 2)):
            service.start()
            workload.run(option("transactions", 150), truncates=True)
            service.kill9()
        service.start()
        workload.run(30, truncates=True)
        for write in (workload.insert_everything, workload.write_pair, workload.write_bigtext):  # no table ends empty
            workload.cursor.execute(write())
        for mode in MODES:
            wait_until(lambda m=mode: not difference(tables, target, m) or pipeline.dead_letters(),
                       lambda m=mode: f"{m}: {difference(tables, target, m)}\n{pipeline.logs()}\n{connect.log()[-2000:]}", 120)
            assert pipeline.dead_letters() == {}, mode
            assert difference(tables, target, mode) == {}, mode
        with tables.cursor() as cursor:
            assert all(rows(cursor, name) for name in KEYS)
        # A key and a value of each table, and nothing of the other modes, is in frames.
        assert pipeline.sql("SELECT kind, count(*) FROM sluice.schema GROUP BY kind") == [("AVRO", 2 * len(KEYS))]
    finally:
        connect.remove()
