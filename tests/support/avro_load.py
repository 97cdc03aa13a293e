"""A load of Avro for tests of schema registries: rows written without a pause, by ever new schemas, and a model of the table."""
import contextlib
import json
import threading

from support.pipeline import IDENTITY
from support.registry import frame, number, text

FIELDS = {"id": "int", "phase": "int", "revision": "long", "body": "string"}
TABLE = "CREATE TABLE public.{} (id int PRIMARY KEY, phase int, revision bigint, body text)"
PARTITIONS, KEYS, BODY = 4, 400, 4000
GROWTH = 110  # MiB that the service may grow by while a registry is in trouble


def schema(phase):
    """No other phase has the same one."""
    return json.dumps({"type": "record", "name": "Row", "namespace": f"phase{phase}",
                       "fields": [{"name": name, "type": kind} for name, kind in FIELDS.items()]})


class Writer:
    """Writes rows without a pause. `numbers`: what the registry knows the schema of a phase by, if not by the phase."""

    def __init__(self, kafka, topic, numbers=None):
        self.producer = kafka.producer(compression_type="none", queue_buffering_max_kbytes=65536)
        self.numbers = numbers or {}
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
                self.producer.produce(self.topic, frame(self.numbers.get(phase, phase), datum), partition=key % PARTITIONS, on_delivery=self.note)
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


def known_row(schema_number):
    """A record that needs no schema but the first."""
    return None, frame(schema_number, number(1) + number(1) + number(1) + text("y"))


def check_nothing_lost(pipeline, topic, writer, phases):
    """Once all was written: the rows are the model's, each record is counted, none is a dead letter."""
    pipeline.wait_caught_up(topic)
    assert pipeline.dead_letters() == {}
    assert {row[0]: row[1:] for row in pipeline.sql("SELECT id, phase, revision FROM public.rows")} == writer.model
    counted = [row for row in pipeline.sql(IDENTITY) if row[0] == topic]
    assert sum(applied + folded for *_, applied, folded, skipped, dead, gaps in counted) == writer.count
    assert pipeline.sql("SELECT count(*) FROM sluice.schema") == [(phases,)]
