"""A schema registry in every kind of trouble while a producer writes Avro with ever new schemas: nothing is lost, nothing is a dead
letter, and what waits does not pile up in memory.
"""
import contextlib
import json
import threading

from support.pipeline import IDENTITY, route
from support.registry import StubRegistry, frame, number, text
from support.waiting import wait_until

FIELDS = {"id": "int", "phase": "int", "revision": "long", "body": "string"}
SCHEMA = {"type": "record", "name": "Row", "fields": [{"name": name, "type": kind} for name, kind in FIELDS.items()]}
TABLE = "CREATE TABLE public.{} (id int PRIMARY KEY, phase int, revision bigint, body text)"
TROUBLE = [500, "slow", "rubbish", "endless", "cut", "away"]
PARTITIONS, KEYS, BODY = 4, 400, 4000
BACKLOG, GROWTH = 120, 110  # MiB that wait in Kafka at least while the registry is away, and that the service may grow by meanwhile


class Writer:
    """Writes rows without a pause; `phase` is the number of their schema, too."""

    def __init__(self, kafka, topic):
        self.producer = kafka.producer(compression_type="none", queue_buffering_max_kbytes=65536)
        self.topic, self.phase, self.count, self.model, self.failed = topic, 1, 0, {}, None
        self.first = {}  # phase: how many rows were written before it
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        body = text("x" * BODY)
        while not self.over.is_set():
            key, phase = self.count % KEYS, self.phase
            self.first.setdefault(phase, self.count)
            datum = number(key) + number(phase) + number(self.count) + body
            try:
                self.producer.produce(self.topic, frame(phase, datum), partition=key % PARTITIONS, on_delivery=self.note)
            except BufferError:
                self.producer.poll(0.05)
                continue
            self.model[key] = (phase, self.count)
            self.count += 1
            if self.count % 40 == 0:
                self.producer.poll(0)
                self.over.wait(0.01)  # about 4,000 rows a second, so that the service keeps up with it

    def note(self, error, _):
        self.failed = self.failed or error

    def waiting(self):
        """MiB that were written since the phase began."""
        return (self.count - self.first.get(self.phase, self.count)) * BODY / 2**20

    @contextlib.contextmanager
    def running(self):
        self.thread.start()
        try:
            yield self
        finally:
            self.over.set()
            self.thread.join(60)
            left = self.producer.flush(60)
        assert (left, self.failed) == (0, None)


def rows_of(pipeline, phase):
    return pipeline.sql("SELECT count(*) FROM public.rows WHERE phase = %s", phase)[0][0]


def all_in_state(pipeline, topic, state):
    return all(pipeline.state(topic, partition)[0] == state for partition in range(PARTITIONS))


def test_nothing_is_lost_and_memory_is_bounded_whatever_the_trouble_of_the_registry_under_load(pipeline):
    pipeline.sql(TABLE.format("rows") + ";" + TABLE.format("known"))
    topic, known = pipeline.topic("rows", PARTITIONS), pipeline.topic("known")
    phases = range(1, len(TROUBLE) + 2)
    with contextlib.closing(contextlib.ExitStack()) as stack:
        stub = StubRegistry({str(phase): {"schema": json.dumps(SCHEMA)} for phase in phases})
        stack.callback(stub.remove)
        service = pipeline.service(route(topic, "public.rows", format="avro") + route(known, "public.known"),
                                   rest=f'[registry]\nurl = "{stub.url}"\ntimeout = "1s"\n').start()
        service.expected.append("stopped in state schema")
        with Writer(pipeline.kafka, topic).running() as writer:
            wait_until(lambda: rows_of(pipeline, 1), service.tail)
            usual = service.resident()
            for phase, mode in enumerate(TROUBLE, 2):
                stub.become(mode)
                writer.phase = phase
                wait_until(lambda: all_in_state(pipeline, topic, "schema"), lambda m=mode: f"{m}\n{service.tail()}")
                if mode == "away":
                    service.kill9()
                    service.start(ready=False)
                    pipeline.kafka.publish(known, [(None, frame(1, number(1) + number(1) + number(1) + text("y")))])
                    wait_until(lambda: pipeline.sql("SELECT id FROM public.known") == [(1,)], service.tail)
                    wait_until(lambda: writer.waiting() > BACKLOG, "the backlog", 120)
                    wait_until(lambda: all_in_state(pipeline, topic, "schema"), service.tail)
                largest = service.status_of("VmHWM") / 1024
                print(f"{mode}: {largest:.0f} MiB at most, {usual:.0f} in the beginning, {writer.waiting():.0f} MiB waited")
                assert largest - usual < GROWTH
                stub.become("ok")
                wait_until(lambda p=phase: rows_of(pipeline, p), lambda m=mode: f"after {m}\n{service.tail()}")
        pipeline.wait_caught_up(topic)
        assert pipeline.dead_letters() == {}
        assert {row[0]: row[1:] for row in pipeline.sql("SELECT id, phase, revision FROM public.rows")} == writer.model
        counted = [row for row in pipeline.sql(IDENTITY) if row[0] == topic]
        assert sum(applied + folded for *_, applied, folded, skipped, dead, gaps in counted) == writer.count
        assert pipeline.sql("SELECT count(*) FROM sluice.schema") == [(len(phases),)]
        service.stop()
