#!/usr/bin/python3
"""Avro in frames of a real registry beside JSON of the same rows, and Kafka Connect beside Sluice, in turns of one run.

    bench/avro.py --sluice build/release/sluice [--events 300000] [--rounds 5] [--lanes 2] [--connect]

The rows, table and server of end_to_end.py: upserts of existing keys, eight partitions, all of it in Kafka before; once as
Connect JSON with schema, once as plain JSON and once as Avro that Kafka Connect could have written. --connect: Debezium's JDBC
sink with Apicurio's Avro converter reads the Avro topic, too, with as many tasks as Sluice has lanes and the best settings that
were found for it (unnest, reduction buffer, 10,000 rows). For each, the time runs from the first to the last row that is seen of
400 first and 400 last keys, and the table is compared with the model. Only the ratios of one round mean something on a machine
that does other work, so their median is printed. --tiny: a few thousand events, only the comparison counts; that is the test.
"""
import argparse
import datetime
import json
import pathlib
import random
import statistics
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from end_to_end import PARTITIONS, Bench, event, payload, peak_megabytes, seconds_of_cpu  # noqa: E402
from support.connect import Connect, avro  # noqa: E402
from support.registry import Registry, frame, number, text  # noqa: E402
from support.sluice import Sluice  # noqa: E402
from support.waiting import wait_until  # noqa: E402

EDGE = 50  # keys of each partition that are looked at, first and last ones
TIMESTAMP = {"type": "long", "logicalType": "timestamp-millis", "connect.version": 1,
             "connect.name": "org.apache.kafka.connect.data.Timestamp"}
TYPES = {"customer": "long", "status": "string", "amount": "double", "quantity": "int", "active": "boolean",
         "created": TIMESTAMP, "revision": "int", "payload": "string"}
SCHEMA = {"type": "record", "name": "bench", "fields": [{"name": "id", "type": "long"}] + [
    {"name": name, "type": ["null", kind], "default": None} for name, kind in TYPES.items()]}
SOME = b"\2"  # the second alternative of the union, which is not null


def avro_event(schema, key):
    """The row of end_to_end.event(key, 1)."""
    cells = (number(key % 1000), text("shipped"), struct.pack("<d", key % 977 + 0.25), number(key % 50), b"\1",
             number(1700000000000 + key % 100000), number(1), text(payload(key, 1)))
    return frame(schema, number(key) + b"".join(SOME + cell for cell in cells))


def plain_event(key):
    row = json.loads(event(key, 1))["payload"]
    row["created"] = datetime.datetime.fromtimestamp(row["created"] / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds")[:23]
    return json.dumps(row, separators=(",", ":")).encode()


def sink(url, table, lanes, registry):
    """Settings of Debezium's JDBC sink."""
    address = url.removeprefix("postgresql://").partition("@")[2]
    converters = {name: value for name, value in avro(registry).items() if name.startswith("value.")}
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": str(lanes), "topics": "avro",
        "connection.url": f"jdbc:postgresql://{address}", "connection.username": "app", "connection.password": "app",
        "insert.mode": "upsert", "primary.key.mode": "record_value", "primary.key.fields": "id", "schema.evolution": "none",
        "collection.name.format": f"public.{table}", "batch.size": "10000", "use.reduction.buffer": "true",
        "dialect.postgres.unnest.insert.enabled": "true", "consumer.override.max.poll.records": "10000",
        "consumer.override.auto.offset.reset": "earliest", "consumer.override.fetch.min.bytes": "1000000",
        "consumer.override.max.partition.fetch.bytes": "8000000",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter", **converters}


class Formats(Bench):
    def __init__(self, options):
        super().__init__(options)
        try:
            self.registry = Registry()
        except BaseException:
            self.remove()
            raise

    def remove(self):
        if hasattr(self, "registry"):
            self.registry.remove()
        super().remove()

    def publish(self):
        schema = self.registry.register("avro-value", "AVRO", json.dumps(SCHEMA))
        order = list(range(self.keys))
        random.Random(1).shuffle(order)
        self.model = dict.fromkeys(range(self.keys), 1)
        of_partition = [[key for key in order if key % PARTITIONS == n] for n in range(PARTITIONS)]
        self.first = [key for keys in of_partition for key in keys[:EDGE]]
        self.last = [key for keys in of_partition for key in keys[-EDGE:]]
        for topic, made in {"connect-json": lambda key: event(key, 1), "json": plain_event,
                            "avro": lambda key: avro_event(schema, key)}.items():
            self.kafka.create_topic(topic, PARTITIONS)
            self.kafka.fill(topic, ((str(key).encode(), made(key), key % PARTITIONS) for key in order), compression_type="none")
            print(f"{topic}: {self.keys:,} events, the first of {len(made(order[0]))} bytes", flush=True)

    def written(self, keys):
        return self.sql("SELECT count(*) FROM target WHERE id = ANY(%s) AND revision = 1", keys)[0][0]

    def measured(self, start, trouble, pid):
        """Events a second from the first to the last row, by a watcher that is there before the sink is, and CPU and memory."""
        seen = {}

        def watch():
            wait_until(lambda: self.written(self.first), "the first row", 200, every=0.005)
            seen["first"] = time.monotonic()

        self.fill("target")
        watcher = threading.Thread(target=watch)
        watcher.start()
        start()
        watcher.join()
        if "first" not in seen:
            raise AssertionError(f"no row came\n{trouble()}")
        wait_until(lambda: self.written(self.last) == len(self.last), trouble, 900, every=0.01)
        rate = self.keys / (time.monotonic() - seen["first"])
        used = seconds_of_cpu(pid()) * 1e6 / self.keys, peak_megabytes(pid())
        self.compare("target")
        return (rate, *used)

    def sluice(self, topic):
        self.sql("DROP SCHEMA IF EXISTS sluice CASCADE")
        route = f'[[route]]\ntopics = ["{topic}"]\ntable = "public.target"\nkey = ["id"]\n[registry]\nurl = "{self.registry.url}"\n'
        service = Sluice(self.kafka.bootstrap, self.url, route, pipeline=f"{topic}-{time.monotonic_ns()}",
                         postgres=f"lanes = {self.options.lanes}")
        try:
            return self.measured(lambda: service.start(ready=False), service.tail, lambda: service.process.pid)
        finally:
            service.stop()
            service.remove()

    def connect(self):
        workers = []
        settings = sink(self.url, "target", self.options.lanes, self.registry)

        def start():
            workers.append(Connect(self.kafka.bootstrap, {f"sink-{time.monotonic_ns()}": settings}, "--memory", "2g"))

        try:
            return self.measured(start, lambda: workers[0].log()[-3000:],
                                 lambda: int((workers[0].dir / "pid").read_text().split()[0]))
        finally:
            for worker in workers:
                worker.remove()


def report(found):
    for name, figures in found.items():
        rates, cpu, peaks = zip(*figures)
        print(f"{name:24} median {statistics.median(rates):9,.0f} events/s ({min(rates):,.0f} to {max(rates):,.0f}),"
              f" {statistics.median(cpu):5.1f} CPU s/M with its start, peak {max(peaks):,.0f} MB")
    for one, other in (("sluice avro", "sluice connect-json"), ("sluice avro", "sluice json"), ("sluice avro", "connect avro")):
        if other in found:
            ratios = [mine[0] / theirs[0] for mine, theirs in zip(found[one], found[other])]
            print(f"{one} / {other}: median {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--events", type=int, default=300000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--connect", action="store_true", help="Kafka Connect, too")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    options.per_key = 1
    if options.tiny:
        options.events, options.rounds = 4000, 1
    Sluice.binary = options.sluice
    bench = Formats(options)
    try:
        bench.publish()
        runs = {f"sluice {topic}": lambda t=topic: bench.sluice(t) for topic in ("connect-json", "json", "avro")}
        if options.connect:
            runs["connect avro"] = bench.connect
        found = {name: [] for name in runs}
        for turn in range(options.rounds):
            for name in (list(runs) if turn % 2 == 0 else list(runs)[::-1]):
                found[name].append(runs[name]())
                print(f"{name:24} {found[name][-1][0]:9,.0f} events/s", flush=True)
        report(found)
    finally:
        bench.remove()


if __name__ == "__main__":
    main()
