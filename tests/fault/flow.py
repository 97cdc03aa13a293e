"""One stream with its own idea of what must come of it: a paced producer, an append-only witness and a keyed table.

The witness has no key, so a record that takes effect twice is two rows, and its serial number shows the order in which
effects came. The keyed table sees upserts, updates of one field, deletes, and records that cannot be applied.
"""
import json
import random
import threading
import time

from support.waiting import wait_until

FIELDS = ("number", "note")
TABLES = """
CREATE TABLE witness (serial bigint GENERATED ALWAYS AS IDENTITY, number bigint NOT NULL, part int NOT NULL);
CREATE TABLE keyed (id bigint PRIMARY KEY, number bigint, note text)"""


class Flow(threading.Thread):
    batches = "[batch]\nrows = 200\nadaptive = false"  # many small transactions: more moments to go wrong

    def __init__(self, case, seed, partitions=4, rate=4000, keys=400):
        """rate: records a second, half of them for each topic."""
        super().__init__(daemon=True)
        self.case, self.partitions, self.rate, self.keys = case, partitions, rate, keys
        self.chance = random.Random(seed)
        case.sql(TABLES)
        self.witness, self.keyed = case.topic("witness", partitions), case.topic("keyed", partitions)
        self.produced, self.poisoned, self.model = 0, 0, {}
        self.enough = threading.Event()
        self.error = None
        case.addCleanup(self.finish)

    def routes(self):
        return (self.case.route(self.witness, "public.witness", None, mode="insert")
                + self.case.route(self.keyed, "public.keyed", max_dead_letters=1000000))

    def run(self):
        try:
            producer = self.case.kafka.producer()
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
        return sum(self.case.pointers().values())

    def wait_progress(self, seconds=60):
        """Seconds until the pointers had moved."""
        begin, before = time.monotonic(), self.committed()
        wait_until(lambda: self.committed() > before,
                   lambda: "no progress\n" + "\n".join(one.tail() for one in self.case.services), seconds, every=0.02)
        return time.monotonic() - begin

    def check(self, seconds=120):
        """Ends the stream and holds the tables against what was sent."""
        case = self.case
        self.finish()
        case.assertIsNone(self.error)
        case.wait_caught_up(self.witness, self.keyed, seconds=seconds)
        count, distinct = case.sql("SELECT count(*), count(DISTINCT number) FROM witness")[0]
        case.assertEqual(distinct, self.produced, "lost")
        case.assertEqual(count, distinct, "repeated")
        case.assertEqual(self.out_of_order(), 0, "out of order")
        rows = {row[0]: dict(zip(FIELDS, row[1:])) for row in case.sql("SELECT id, number, note FROM keyed")}
        case.assertEqual(rows, self.model)
        case.assertEqual(len(case.dead_letters()), self.poisoned)

    def out_of_order(self):
        return self.case.sql("""SELECT count(*) FROM (SELECT number < lag(number) OVER (PARTITION BY part ORDER BY serial) AS wrong
                                FROM witness) AS seen WHERE wrong""")[0][0]

    def summary(self):
        return f"{2 * self.produced} records, {self.poisoned} dead letters"
