#!/usr/bin/python3
"""Bad days, one scene each, played on one or two builds: what an operator saw before, and what he sees now.

    bench/scenes.py --sluice build/release/sluice [--against OLDER] [--only NAME ...]

Every scene has its own database, topics and consumer group; the figure is what the scene's first line says. Nothing here
is a test: the rules are tested in tests/unit/pipeline, in milliseconds.
"""
import argparse
import json
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from support.kafka import Kafka  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.sluice import Sluice  # noqa: E402
from support.waiting import Late, wait_until  # noqa: E402


class Stage:
    """One scene on one build."""

    def __init__(self, kafka, postgres, binary, name):
        self.kafka, self.postgres, self.binary = kafka, postgres, binary
        self.name = f"{name}_{time.monotonic_ns()}"
        postgres.create_database(self.name)
        self.connection = postgres.connect(self.name)
        self.services, self.topics = [], []

    def sql(self, text):
        cursor = self.connection.cursor()
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else None

    def topic(self, name, partitions=1):
        self.topics.append(self.kafka.create_topic(f"{self.name}.{name}", partitions))
        return self.topics[-1]

    def publish(self, topic, count, partition=0, first=0):
        self.kafka.publish(topic, [(b"%d" % n, json.dumps({"id": n, "v": "x" * 200}).encode())
                                   for n in range(first, first + count)], partition)

    def service(self, routes, **settings):
        Sluice.binary = self.binary
        settings.setdefault("postgres", "lanes = 1")
        service = Sluice(self.kafka.bootstrap, self.postgres.url(self.name), routes, pipeline=self.name, **settings)
        self.services.append(service)
        return service.start(ready=False)

    def next_offsets(self):
        if self.sql("SELECT to_regclass('sluice.pointer')")[0][0] is None:
            return {}
        return {(topic, partition): offset for topic, partition, offset in
                self.sql("SELECT topic, partition, next_offset FROM sluice.pointer")}

    def seconds_until(self, condition, limit):
        begun = time.monotonic()
        try:
            wait_until(condition, "", limit, every=0.02)
        except Late:
            return f"not within {limit} s"
        return f"{time.monotonic() - begun:.2f} s"

    def end(self):
        for service in self.services:
            service.kill9() if service.running() else None
            service.remove()
        for topic in self.topics:  # the next build finds a broker with nothing else to do
            self.kafka.delete_topic(topic)
        self.connection.close()


def route(topic, table, more=""):
    return f'[[route]]\ntopics = [{json.dumps(topic)}]\ntable = "{table}"\nkey = ["id"]\n{more}'


def claim_behind_a_backlog(stage):
    """A partition whose pointer row was held for a moment, beside one with a backlog: time until it is claimed (C4)."""
    stage.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text)")
    topic = stage.topic("t", 2)
    stage.publish(topic, 1, partition=1)
    service = stage.service(route(topic, "public.t"))
    wait_until(lambda: stage.next_offsets().get((topic, 1)) == 1, service.tail, 60)
    service.kill9()
    stage.publish(topic, 400_000, partition=0, first=10)
    stage.publish(topic, 1, partition=1, first=2)
    holder = stage.postgres.connect(stage.name)
    holder.autocommit = False
    holder.cursor().execute(f"SELECT FROM sluice.pointer WHERE topic = '{topic}' AND partition = 1 FOR UPDATE")
    service = stage.service(route(topic, "public.t"))
    wait_until(lambda: stage.next_offsets().get((topic, 0), 0) > 0, service.tail, 60)
    holder.rollback()
    holder.close()
    took = stage.seconds_until(lambda: stage.next_offsets()[(topic, 1)] == 2, 60)
    return f"{took}; the backlog was at {stage.next_offsets()[(topic, 0)]:,} of 400,000"


def coordinator_of(kafka, group):
    """The broker that the group's members talk to: Kafka takes Java's hash of its name."""
    partitions = kafka.admin.list_topics("__consumer_offsets", timeout=60).topics["__consumer_offsets"].partitions
    code = 0
    for character in group:
        code = (31 * code + ord(character)) & 0xFFFFFFFF
    return partitions[(code & 0x7FFFFFFF) % len(partitions)].leader


def broker_hangs(stage):
    """One of three brokers hangs, and the lane's session is ended: records of the other two applied meanwhile, in 20 s (C13)."""
    shared, stage.kafka = stage.kafka, Kafka(nodes=3, memory="384m")
    hung = None
    try:
        stage.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text)")
        topic = stage.topic("t", 9)
        for partition in range(9):
            stage.publish(topic, 1, partition=partition, first=partition)
        service = stage.service(route(topic, "public.t"))
        wait_until(lambda: sum(stage.next_offsets().values()) == 9, service.tail, 60)
        leaders = {number: partition.leader for number, partition in
                   stage.kafka.admin.list_topics(topic, timeout=60).topics[topic].partitions.items()}
        coordinator = coordinator_of(stage.kafka, stage.name)
        node = next(leader for leader in leaders.values() if leader != coordinator)
        others = [number for number, leader in leaders.items() if leader != node]
        producer = stage.kafka.producer(linger_ms=0)
        stage.kafka.publish(topic, [(b"9", b'{"id": 9, "v": "x"}')], others[0], producer)  # it knows the leaders now
        hung = int((stage.kafka.dir / f"node{node}" / "pid").read_text().split()[0])
        os.kill(hung, signal.SIGSTOP)
        stage.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sluice%' AND datname ="
                  " current_database()")
        begun, sent, first = time.monotonic(), 0, None
        while time.monotonic() - begun < 20:
            producer.produce(topic, key=b"%d" % (100 + sent), partition=others[sent % len(others)],
                             value=json.dumps({"id": 100 + sent, "v": "x"}).encode())
            producer.poll(0)
            sent += 1
            if first is None and stage.sql("SELECT count(*) FROM t WHERE id >= 100")[0][0]:
                first = time.monotonic() - begun
            time.sleep(0.05)
        applied = stage.sql("SELECT count(*) FROM t WHERE id >= 100")[0][0]
        return f"{applied} of {sent}, the first after {f'{first:.2f} s' if first is not None else 'more than 20 s'}"
    finally:
        if hung:
            os.kill(hung, signal.SIGCONT)
        for service in stage.services:
            service.kill9() if service.running() else None
        stage.topics.clear()
        stage.kafka.remove()
        stage.kafka = shared


def bad_record_among_tables(stage):
    """One bad record in a batch over 12 tables while a connection takes a second: time until all is applied (C15)."""
    stage.sql("".join(f"CREATE TABLE t{n} (id bigint PRIMARY KEY, v text CHECK (v <> 'bad'));" for n in range(12)))
    topic = stage.topic("t")

    def events(first, values):
        return [(b"%d" % number, json.dumps({"op": "c", "before": None, "after": {"id": first + number, "v": value}, "ts_ms": 1,
                                             "source": {"table": f"t{number % 12}", "db": "d", "schema": "s"}}).encode())
                for number, value in enumerate(values)]

    def connections():
        return stage.sql("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")[0][0]

    service = stage.service(route(topic, "public.{source.table}"))
    stage.kafka.publish(topic, events(0, ["good"] * 12), 0)
    wait_until(lambda: stage.next_offsets().get((topic, 0)) == 12, service.tail, 60)
    stage.sql("ALTER SYSTEM SET pre_auth_delay = '1s'")
    stage.sql("SELECT pg_reload_conf()")
    try:
        before = connections()
        stage.kafka.publish(topic, events(12, ["good"] * 11 + ["bad"]), 0, stage.kafka.producer(linger_ms=200))
        took = stage.seconds_until(lambda: stage.next_offsets().get((topic, 0)) == 24, 60)
        time.sleep(2)  # the server counts a session a moment later
        return f"{took}, {connections() - before} connections opened meanwhile"
    finally:
        stage.sql("ALTER SYSTEM RESET pre_auth_delay")
        stage.sql("SELECT pg_reload_conf()")


def locked_table(stage):
    """One of two tables of a lane is locked for 15 s: rows of the other table meanwhile (C5)."""
    stage.sql("CREATE TABLE a (id bigint PRIMARY KEY, v text); CREATE TABLE b (id bigint PRIMARY KEY, v text)")
    one, other = stage.topic("a"), stage.topic("b")
    service = stage.service(route(one, "public.a") + route(other, "public.b"))
    stage.publish(one, 10)
    stage.publish(other, 10)
    wait_until(lambda: sum(stage.next_offsets().values()) == 20, service.tail, 60)
    holder = stage.postgres.connect(stage.name)
    holder.autocommit = False
    holder.cursor().execute("LOCK TABLE a IN SHARE MODE")
    first = 10
    begun = time.monotonic()
    while time.monotonic() - begun < 15:
        stage.publish(one, 5, first=first)
        stage.publish(other, 5, first=first)
        first += 5
        time.sleep(0.1)
    done = stage.sql("SELECT count(*) FROM b")[0][0]
    holder.rollback()
    holder.close()
    after = stage.seconds_until(lambda: sum(stage.next_offsets().values()) == 2 * first, 60)
    return f"{done} of {first} rows of the free table; after the lock everything was there in {after}"


def paused_table(stage):
    """A table that only events name is paused, then a restart: rows written in spite of the pause (C16)."""
    stage.sql("CREATE TABLE orders (id bigint PRIMARY KEY, v text)")
    topic = stage.topic("t")
    routes = route(topic, "public.{source.table}")
    event = {"op": "c", "before": None, "source": {"table": "orders", "db": "d", "schema": "s"}, "ts_ms": 1}
    stage.kafka.publish(topic, [(b"1", json.dumps(event | {"after": {"id": 1, "v": "x"}}).encode())], 0)
    service = stage.service(routes)
    wait_until(lambda: stage.next_offsets().get((topic, 0)) == 1, service.tail, 60)
    service.stop()
    stage.sql(f"INSERT INTO sluice.pause (pipeline, target, reason) VALUES ('{stage.name}', 'table public.orders', 'ddl')")
    stage.kafka.publish(topic, [(b"%d" % n, json.dumps(event | {"after": {"id": n, "v": "x"}}).encode())
                                for n in range(2, 12)], 0)
    service = stage.service(routes)
    stage.seconds_until(lambda: stage.sql("SELECT state FROM sluice.pointer")[0][0] == "paused", 10)
    return f"{stage.sql('SELECT count(*) FROM orders')[0][0] - 1} of 10, state {stage.sql('SELECT state FROM sluice.pointer')[0][0]}"


def topic_pattern(stage):
    r"""A route for the pattern ^…\.\d+$: events of a topic that it matches, applied within 15 s (C17)."""
    stage.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text)")
    topic = stage.topic("7")
    stage.publish(topic, 100)
    service = stage.service(route("^" + stage.name.replace(".", r"\.") + r"\.\d+$", "public.t"))
    stage.seconds_until(lambda: sum(stage.next_offsets().values()) == 100, 15)
    return f"{sum(stage.next_offsets().values())} of 100, {'running' if service.running() else 'ended'}"


def postgresql_away(stage):
    """PostgreSQL is away for 16 s while a partition is stopped: CPU seconds of the service (C19)."""
    stage.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text)")
    topic = stage.topic("t", 2)
    stage.publish(topic, 5, partition=0)
    stage.kafka.publish(topic, [(b"1", b"{")], 1)
    service = stage.service(route(topic, "public.t", 'on_error = "stop"\n'))
    wait_until(lambda: stage.sql("SELECT to_regclass('sluice.pointer')")[0][0]
               and stage.sql("SELECT count(*) FROM sluice.pointer WHERE state = 'poison'")[0][0] == 1, service.tail, 60)
    wait_until(lambda: stage.next_offsets().get((topic, 0)) == 5, service.tail, 60)

    def cpu():
        fields = pathlib.Path(f"/proc/{service.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    stage.connection.close()
    stage.postgres.stop()
    stage.publish(topic, 5, partition=0, first=20)  # so that the lane notices
    before = cpu()
    time.sleep(16)
    used = cpu() - before
    stage.postgres.start()
    stage.connection = stage.postgres.connect(stage.name)
    stage.publish(topic, 5, partition=0, first=10)
    back = stage.seconds_until(lambda: stage.next_offsets().get((topic, 0)) == 15, 60)
    return f"{used:.2f} s of CPU; applying again {back} after its return"


def deadlock(stage):
    """One serialization failure in a lane of 64 partitions: claims (C20)."""
    stage.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text); CREATE SEQUENCE once;"
              "CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
              " IF new.id = 999 AND nextval('once') = 1 THEN RAISE EXCEPTION 'once' USING ERRCODE = '40P01'; END IF;"
              " RETURN new; END $$;"
              "CREATE TRIGGER fail BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fail_once()")
    topic = stage.topic("t", 64)
    service = stage.service(route(topic, "public.t"))
    wait_until(lambda: len(stage.next_offsets()) == 64, service.tail, 60)
    stage.publish(topic, 1, first=999)
    took = stage.seconds_until(lambda: stage.next_offsets().get((topic, 0)) == 1, 60)
    claims = stage.sql("SELECT sum(epoch) FROM sluice.pointer")[0][0] - 64
    return f"{claims} partitions claimed again, the record applied after {took}"


def broken_table(stage):
    """32 partitions feed a table that a constraint of the schema breaks: claims in 12 s of waiting (C20)."""
    stage.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text)")
    topic = stage.topic("t", 32)
    service = stage.service(route(topic, "public.t"))
    wait_until(lambda: len(stage.next_offsets()) == 32, service.tail, 60)
    stage.sql("DROP TABLE t")
    for partition in range(32):
        stage.publish(topic, 1, partition=partition, first=partition)
    wait_until(lambda: stage.sql("SELECT count(*) FROM sluice.pointer WHERE state = 'schema'")[0][0] == 32, service.tail, 60)
    before = stage.sql("SELECT sum(epoch) FROM sluice.pointer")[0][0]
    time.sleep(12)
    claims = stage.sql("SELECT sum(epoch) FROM sluice.pointer")[0][0] - before
    stage.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text)")
    healed = stage.seconds_until(lambda: sum(stage.next_offsets().values()) == 32, 60)
    return f"{claims} claims; healed {healed} after the table was there again"


def thousand_partitions(stage):
    """1,000 partitions on 2 lanes: a start until all are claimed, the first in a group that the broker does not know yet and the
    second in one that it does, and recovery after PostgreSQL restarts (S2)."""
    stage.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text)")
    topic = stage.topic("t", 1000)
    starts = []
    for epoch in (1, 2):
        begun = time.monotonic()
        service = stage.service(route(topic, "public.t"), postgres="lanes = 2")
        wait_until(lambda: len(stage.next_offsets()) == 1000 and stage.sql("SELECT min(epoch) FROM sluice.pointer")[0][0] == epoch,
                   service.tail, 120, every=0.05)
        starts.append(time.monotonic() - begun)
        service.wait_ready(120)
        if epoch == 1:
            service.stop()
    stage.connection.close()
    stage.postgres.restart("immediate")
    stage.connection = stage.postgres.connect(stage.name)
    for partition in (0, 500, 999):
        stage.publish(topic, 1, partition=partition, first=partition)
    back = stage.seconds_until(lambda: stage.sql("SELECT count(*) FROM t")[0][0] == 3, 120)
    return f"all claimed after {starts[0]:.1f} s and, started again, {starts[1]:.1f} s; applying {back} after the restart"


SCENES = (claim_behind_a_backlog, locked_table, broker_hangs, bad_record_among_tables, paused_table, topic_pattern,
          postgresql_away, deadlock, broken_table, thousand_partitions)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--against", help="an older build")
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    postgres = Postgres()
    try:
        kafka = Kafka(memory="1g")
        try:
            for scene in SCENES:
                if options.only and scene.__name__ not in options.only:
                    continue
                print(f"{scene.__name__}: {scene.__doc__}", flush=True)
                for binary in filter(None, (options.against, options.sluice)):
                    stage = Stage(kafka, postgres, binary, scene.__name__[:20])
                    try:
                        print(f"    {binary}: {scene(stage)}", flush=True)
                    except Late as late:
                        print(f"    {binary}: gave up: {str(late)[-600:]}", flush=True)
                    finally:
                        stage.end()
        finally:
            kafka.remove()
    finally:
        postgres.remove()


if __name__ == "__main__":
    main()
