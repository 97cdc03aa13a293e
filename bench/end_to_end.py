#!/usr/bin/python3
"""Kafka to committed, end to end, beside the floor that PostgreSQL's own executor sets, on the same server in one run.

    bench/end_to_end.py --sluice build/release/sluice [--against OLDER] [--rounds 1] [--events 500000] [--per-key 1]
                        [--lanes 1,2] [--latency 20]

Upserts of existing keys: Connect JSON with schema, about 1 kB, nine columns with 300 bytes of payload, eight partitions,
all of it in Kafka before the service starts; the time runs from the first to the last commit. The floor of N lanes is the
same rows in an unlogged table, folded and upserted in key order, 10,000 rows a transaction, by N connections that share the
keys out. Every final table is compared with the model. Latency: one partition, event sent to row seen by a poll every
millisecond. --rounds: floors and builds in turns, and the medians at the end; a ratio is that of figures of one round.
--tiny: a few thousand events, only the comparison counts; that is the test.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import random
import re
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
import psycopg2  # noqa: E402
from support.kafka import Kafka  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.sluice import Sluice  # noqa: E402
from support.waiting import wait_until  # noqa: E402

PARTITIONS = 8
FLOOR_ROWS = 10000
COLUMNS = ["id", "customer", "status", "amount", "quantity", "active", "created", "revision", "payload"]
TABLE = """(id bigint PRIMARY KEY, customer bigint, status text, amount double precision, quantity integer, active boolean,
            created timestamp, revision integer, payload text)"""
CONNECT = {"id": "int64", "customer": "int64", "status": "string", "amount": "double", "quantity": "int32",
           "active": "boolean", "created": "int64", "revision": "int32", "payload": "string"}
SERVER = "shared_buffers = 2GB\nmax_wal_size = 16GB\ncheckpoint_timeout = 30min\nsynchronous_commit = on\n"


def schema():
    fields = [{"type": kind, "optional": name != "id", "field": name} for name, kind in CONNECT.items()]
    fields[6].update(name="org.apache.kafka.connect.data.Timestamp", version=1)
    return json.dumps({"type": "struct", "fields": fields, "optional": False, "name": "bench"})


ENVELOPE = '{"schema":' + schema().replace("%", "%%") + (
    ',"payload":{"id":%d,"customer":%d,"status":"shipped","amount":%d.25,"quantity":%d,"active":true,'
    '"created":17000000%05d,"revision":%d,"payload":"%s"}}')


def payload(key, revision):
    return f"{key}:{revision}:".ljust(300, "x")


def event(key, revision):
    return (ENVELOPE % (key, key % 1000, key % 977, key % 50, key % 100000, revision, payload(key, revision))).encode()


def seconds_of_cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_megabytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1024


class Bench:
    def __init__(self, options):
        self.options = options
        self.keys = options.events // options.per_key
        self.postgres = Postgres(SERVER)
        try:
            self.kafka = Kafka(memory="1g")
        except BaseException:
            self.postgres.remove()
            raise
        self.url = self.postgres.create_database("bench")
        self.connection = self.postgres.connect("bench")
        self.cursor = self.connection.cursor()

    def remove(self):
        self.kafka.remove()
        self.postgres.remove()

    def sql(self, text, *arguments):
        self.cursor.execute(text, arguments or None)
        return self.cursor.fetchall() if self.cursor.description else None

    def fill(self, table):
        """Every key is there already, with revision 0."""
        self.sql(f"DROP TABLE IF EXISTS {table}")
        self.sql(f"CREATE TABLE {table} {TABLE}")
        self.sql(f"INSERT INTO {table} SELECT k, k, 'new', 0, 0, false, now(), 0, repeat('y', 300)"
                 " FROM generate_series(0, %s - 1) k", self.keys)
        self.sql(f"VACUUM (FREEZE, ANALYZE) {table}")
        self.sql("CHECKPOINT")

    def publish(self):
        """The whole stream, keys in random order, revisions of a key in order. Also as rows for the floor."""
        self.kafka.create_topic("bench", PARTITIONS)
        self.size = 0
        with open(os.path.join(self.postgres.dir, "stream.tsv"), "w+", encoding="ascii") as rows:
            self.kafka.fill("bench", self.stream(rows), compression_type="none")
            rows.seek(0)
            self.sql(f"CREATE UNLOGGED TABLE stream (number bigint, {TABLE[1:].replace(' PRIMARY KEY', '')}")
            self.cursor.copy_from(rows, "stream", columns=["number", *COLUMNS])
        for connections in self.options.lanes:
            self.sql(f"CREATE INDEX ON stream ((id % {connections}), number)")
        self.sql("VACUUM ANALYZE stream")
        count = self.keys * self.options.per_key
        print(f"{count:,} events of {self.size / count:.0f} bytes, {self.keys:,} keys, {PARTITIONS} partitions")

    def stream(self, rows):
        """The records; each is noted in the model and as a row."""
        order = list(range(self.keys)) * self.options.per_key
        random.Random(1).shuffle(order)
        self.model = dict.fromkeys(range(self.keys), 0)
        for number, key in enumerate(order):
            self.model[key] = revision = self.model[key] + 1
            value = event(key, revision)
            self.size += len(value)
            rows.write(f"{number}\t{key}\t{key % 1000}\tshipped\t{key % 977}.25\t{key % 50}\tt\t2023-11-14\t{revision}\t"
                       f"{payload(key, revision)}\n")
            yield str(key).encode(), value, key % PARTITIONS

    def compare(self, table):
        found = dict(self.sql(f"SELECT id, revision FROM {table} WHERE payload = rpad(id || ':' || revision || ':', 300, 'x')"))
        if found != self.model:
            raise AssertionError(f"{table} differs from the model: {len(found)} good rows of {len(self.model)}")

    def floor(self, connections):
        """Rows a second by the executor alone."""
        self.fill("floor")
        names, updates = ", ".join(COLUMNS), ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])
        step = FLOOR_ROWS * connections

        def write(share, cursor):
            cursor.execute(f"PREPARE step AS INSERT INTO floor SELECT DISTINCT ON (id) {names} FROM stream WHERE"
                           f" id % {connections} = {share} AND number >= $1 AND number < $2 ORDER BY id, number DESC"
                           f" ON CONFLICT (id) DO UPDATE SET {updates}")
            for number in range(0, self.options.events, step):
                cursor.execute("EXECUTE step (%s, %s)", (number, number + step))

        made = [self.postgres.connect("bench") for _ in range(connections)]
        writers = [threading.Thread(target=write, args=(share, connection.cursor())) for share, connection in enumerate(made)]
        begin = time.monotonic()
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        rate = self.options.events / (time.monotonic() - begin)
        for connection in made:
            connection.close()
        self.compare("floor")
        print(f"floor, {connections} connection{'s' if connections > 1 else ' '}     {rate:10,.0f} events/s", flush=True)
        return rate

    def committed(self):
        if self.sql("SELECT to_regclass('sluice.pointer')") == [(None,)]:
            return 0
        return int(self.sql("SELECT coalesce(sum(next_offset), 0) FROM sluice.pointer")[0][0])

    def service(self, topic, table, lanes):
        self.sql("DROP SCHEMA IF EXISTS sluice CASCADE")
        route = f'[[route]]\ntopics = ["{topic}"]\ntable = "public.{table}"\nkey = ["id"]\n'
        name = f"bench-{table}-{lanes}-{time.monotonic_ns()}"
        return Sluice(self.kafka.bootstrap, self.url, route, pipeline=name, postgres=f"lanes = {lanes}")

    def throughput(self, binary, lanes, floor):
        self.fill("target")
        Sluice.binary = binary
        service = self.service("bench", "target", lanes)
        service.start(ready=False)
        try:
            first = wait_until(self.committed, service.tail, 60, every=0.002)
            began, wall = time.monotonic(), time.time()
            wait_until(lambda: self.committed() == self.options.events, lambda: f"{self.committed()}\n{service.tail()}", 600,
                       every=0.005)
            took = time.monotonic() - began
            cpu, peak = seconds_of_cpu(service.process.pid), peak_megabytes(service.process.pid)
            assigned = re.search(r"^(\S+)Z info .*assigned", service.log(), re.MULTILINE)
        finally:
            service.stop()
            service.remove()
        self.compare("target")
        rate = (self.options.events - first) / took if took > 0.01 else 0
        to_first = f"{(wall - moment(assigned[1])) * 1000:.0f} ms" if assigned else "?"
        print(f"sluice, {lanes} lane{'s' if lanes > 1 else ' '}            {rate:10,.0f} events/s  {rate / floor:.2f} of the floor,"
              f" {cpu * 1e6 / self.options.events:.2f} CPU s/M, peak {peak:.0f} MB, assigned to first commit {to_first}",
              binary if self.options.against else "", flush=True)
        return {"rate": rate, "floor": rate / floor, "cpu": cpu * 1e6 / self.options.events}

    def rounds(self):
        """Floors and builds in turns, so that what else the machine does meets them alike."""
        binaries = [binary for binary in (self.options.against, self.options.sluice) if binary]
        found = {}
        for _ in range(self.options.rounds):
            for lanes in self.options.lanes:
                floor = self.floor(lanes)
                for binary in binaries:
                    found.setdefault((lanes, binary), []).append(self.throughput(binary, lanes, floor))
        if self.options.rounds > 1:
            self.print_medians(found)

    def print_medians(self, found):
        for (lanes, binary), figures in found.items():
            def middle(name):
                return statistics.median(each[name] for each in figures)
            older = found.get((lanes, self.options.against), [])
            ratios = sorted(new["rate"] / old["rate"] for new, old in zip(figures, older))
            beside = (f", {statistics.median(ratios):.2f} of the older build's rate ({ratios[0]:.2f} to {ratios[-1]:.2f})"
                      if older and binary != self.options.against else "")
            print(f"median of {len(figures)}, {lanes} lanes: {middle('rate'):,.0f} events/s, {middle('floor'):.2f} of the floor of"
                  f" {lanes} connections, {middle('cpu'):.2f} CPU s/M{beside}  {binary}")

    def latency(self, seconds, rate=1000):
        self.sql(f"CREATE TABLE latency {TABLE}")
        self.kafka.create_topic("latency", 1)
        service = self.service("latency", "latency", 2).start()
        count = int(seconds * rate)
        sent = []
        ours, theirs = multiprocessing.Pipe()
        poller = multiprocessing.Process(target=watch, args=(self.url, count, theirs))
        poller.start()
        ours.recv()
        cpu = seconds_of_cpu(service.process.pid)
        try:
            producer = self.kafka.producer(linger_ms=0, enable_idempotence=False)  # no wait for a producer id
            begin = time.monotonic()
            for number in range(count):
                while (left := begin + number / rate - time.monotonic()) > 0:
                    time.sleep(left)
                sent.append(time.monotonic())
                producer.produce("latency", value=event(number, 1), key=str(number).encode())
                producer.poll(0)
            producer.flush(30)
            if not ours.poll(60):
                raise AssertionError(f"not every event was seen\n{service.tail()}")
            seen = ours.recv()
            cpu = (seconds_of_cpu(service.process.pid) - cpu) / seconds
        finally:
            poller.terminate()
            service.stop()
            service.remove()
        late = sorted((there - here) * 1000 for here, there in list(zip(sent, seen))[count // 10:])
        print(f"latency at {rate:,} events/s   p50 {statistics.median(late):.1f} ms, p99 {late[len(late) * 99 // 100]:.1f} ms,"
              f" max {late[-1]:.1f} ms, {cpu * 100:.0f} % of a core")


def watch(url, count, pipe):
    """When each row was first seen; rows appear in the order of their ids."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("PREPARE newest AS SELECT coalesce(max(id), -1) FROM latency")
    seen = []
    pipe.send("watching")
    while len(seen) < count:
        cursor.execute("EXECUTE newest")
        newest, now = cursor.fetchone()[0], time.monotonic()
        seen += [now] * (newest + 1 - len(seen))
        time.sleep(0.001)
    pipe.send(seen)


def moment(text):
    """Seconds since 1970 of a log line's UTC time."""
    day, _, fraction = text.partition(".")
    return time.mktime(time.strptime(day, "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0." + fraction)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--against", help="another build to compare with, in turns")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--events", type=int, default=500000)
    parser.add_argument("--per-key", type=int, default=1)
    parser.add_argument("--lanes", type=lambda text: [int(lanes) for lanes in text.split(",")], default=[1, 2])
    parser.add_argument("--latency", type=float, default=20, help="seconds at 1,000 events/s; 0 = none")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    if options.tiny:
        options.events, options.per_key, options.latency = 6000, 2, 1
    Sluice.binary = options.sluice
    bench = Bench(options)
    try:
        bench.publish()
        bench.rounds()
        Sluice.binary = options.sluice
        if options.latency:
            bench.latency(options.latency)
    finally:
        bench.remove()


if __name__ == "__main__":
    main()
