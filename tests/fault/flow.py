"""One stream with its own idea of what must come of it: a paced producer, an append-only witness and a keyed table.

The witness has no key, so a record that takes effect twice is two rows, and its serial number shows the order in which
effects came. The keyed table sees upserts, updates of one field, deletes, and records that cannot be applied.
"""
import json
import random
import threading
import time

from support.pipeline import route
from support.waiting import wait_until

FIELDS = ("number", "note")
TABLES = """
CREATE TABLE witness (serial bigint GENERATED ALWAYS AS IDENTITY, number bigint NOT NULL, part int NOT NULL);
CREATE TABLE keyed (id bigint PRIMARY KEY, number bigint, note text)"""


class Flow(threading.Thread):
    batches = "[batch]\nrows = 200\nadaptive = false"  # many small transactions: more moments to go wrong

    def __init__(self, pipeline, seed, partitions=4, rate=4000, keys=400):
        """rate: records a second, half of them for each topic."""
        super().__init__(daemon=True)
        self.pipeline, self.partitions, self.rate, self.keys = pipeline, partitions, rate, keys
        self.chance = random.Random(seed)
        pipeline.sql(TABLES)
        self.witness, self.keyed = pipeline.topic("witness", partitions), pipeline.topic("keyed", partitions)
        self.produced, self.poisoned, self.model = 0, 0, {}
        self.enough = threading.Event()
        self.error = None

    def routes(self):
        return (route(self.witness, "public.witness", [], mode="insert")
                + route(self.keyed, "public.keyed", max_dead_letters=1000000))

    def run(self):
        try:
            producer = self.pipeline.kafka.producer()
            begin = time.monotonic()
            while not self.enough.is_set():
                while self.produced * 2 < self.rate * (time.monotonic() - begin):
                    self.produce(producer)
                if producer.flush(60):
                    raise RuntimeError("the broker takes nothing")
                self.enough.wait(0.02)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def produce(self, producer):
        number, part = self.produced, self.produced % self.partitions
        self.produced += 1
        producer.produce(self.witness, partition=part, value=json.dumps({"number": number, "part": part}).encode())
        key = self.chance.randrange(self.keys)
        producer.produce(self.keyed, partition=key % self.partitions, key=b"%d" % key, value=self.change(key, number))

    def change(self, key, number):
        """The next event of the key, and its effect on the model."""
        kind = self.chance.random()
        if kind < 0.01:
            self.poisoned += 1
            return b'{"id": %d, "number": "many"}' % key
        if kind < 0.15:
            self.model.pop(key, None)
            return None
        row = {"note": f"n{number}"} if kind < 0.4 else {"number": number, "note": None if kind < 0.5 else f"n{number}"}
        self.model[key] = {**dict.fromkeys(FIELDS), **self.model.get(key, {}), **row}
        return json.dumps({"id": key, **row}).encode()

    def finish(self):
        self.enough.set()
        if self.is_alive():
            self.join(90)

    def committed(self):
        return sum(self.pipeline.pointers().values())

    def wait_progress(self, seconds=60):
        """Seconds until the pointers had moved."""
        begin, before = time.monotonic(), self.committed()
        wait_until(lambda: self.committed() > before,
                   lambda: f"no progress\n{self.pipeline.logs(3000)}", seconds, every=0.02)
        return time.monotonic() - begin

    def check(self, seconds=300):
        """Ends the stream and holds the tables against what was sent."""
        sql = self.pipeline.sql
        self.finish()
        assert self.error is None
        self.pipeline.wait_caught_up(self.witness, self.keyed, seconds=seconds)
        count, distinct = sql("SELECT count(*), count(DISTINCT number) FROM witness")[0]
        assert distinct == self.produced, "lost"
        assert count == distinct, "repeated"
        assert self.out_of_order() == 0, "out of order"
        rows = {row[0]: dict(zip(FIELDS, row[1:])) for row in sql("SELECT id, number, note FROM keyed")}
        assert rows == self.model
        assert len(self.pipeline.dead_letters()) == self.poisoned

    def out_of_order(self):
        return self.pipeline.sql("""SELECT count(*) FROM (SELECT number < lag(number) OVER (PARTITION BY part ORDER BY serial) AS wrong
                                FROM witness) AS seen WHERE wrong""")[0][0]

    def summary(self):
        return f"{2 * self.produced} records, {self.poisoned} dead letters"
