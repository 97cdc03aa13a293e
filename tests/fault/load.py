"""A paced producer that keeps the books: what must be in the tables, and which records must be dead letters.

Three topics. `witness` is append-only and has no key: a record that takes effect twice is two rows, and its row carries the
record's partition and offset. `account` and `churn` are keyed: whole and partial upserts, deletes, a delete and an insert
of the same key close together, and poison that is refused when it is decoded, mapped or written. The producer is the only
one of its topics, so it knows each record's offset when it sends it; deliveries are compared with that.
"""
import collections
import json
import random
import threading
import time

COLUMNS = ("number", "part", "off", "note", "amount")
KEYED = ("account", "churn")
TABLES = """
CREATE TABLE witness (serial bigint GENERATED ALWAYS AS IDENTITY, number bigint NOT NULL, part int NOT NULL,
                      off bigint NOT NULL, text text);
CREATE INDEX ON witness (part, off);
CREATE TABLE account (id bigint PRIMARY KEY, number bigint, part int, off bigint, note text,
                      amount int CHECK (amount >= 0));
CREATE TABLE churn (LIKE account INCLUDING ALL)"""
# How an event is refused, by the stage that refuses it.
POISON = {"decode": lambda event: b'{"id": ' + json.dumps(event["id"]).encode() + b', "number"',
          "map": lambda event: json.dumps({**event, "number": "many"}).encode(),
          "write": lambda event: json.dumps({**event, "amount": -1}).encode()}


class Load(threading.Thread):
    """rate: records a second over all topics. poison: of the keyed records, the share that is refused."""

    def __init__(self, kafka, seed, prefix, partitions=6, rate=1500, poison=0.004, keys=300):
        super().__init__(name="load", daemon=True)
        self.kafka, self.partitions, self.rate, self.poison, self.keys = kafka, partitions, rate, poison, keys
        self.chance = random.Random(f"{seed}/load")
        self.topics = {name: kafka.create_topic(f"{prefix}.{name}", partitions) for name in ("witness", *KEYED)}
        self.ends = collections.Counter()  # (topic, partition) -> the next record's offset
        self.models = {name: {} for name in KEYED}  # by key: the row that must be there in the end
        self.dead = {}  # (topic, partition, offset) -> stage
        self.produced = 0
        self.error = None
        self.unsure = {}  # (topic, partition, offset) -> key and value: delivered, but nobody said where
        self._enough, self._calm, self._burst = threading.Event(), threading.Event(), 0

    def routes(self, route):
        """As TOML; route is support.pipeline.route or something like it."""
        return (route(self.topics["witness"], "public.witness", [], mode="insert")
                + "".join(route(self.topics[name], f"public.{name}", max_dead_letters=1000000) for name in KEYED))

    def run(self):
        try:
            producer = self.kafka.producer(message_timeout_ms=0, reconnect_backoff_max_ms=500)  # a broker that is away is waited for
            self.prime(producer)
            begin, sent = time.monotonic(), 0
            while not self._enough.is_set():
                due = (time.monotonic() - begin) * self.rate
                if due - sent > self.rate:  # after an outage the lost time is not made up for: the pace is what matters
                    begin, sent, due = time.monotonic(), 0, 0
                while sent < due and not self._calm.is_set():
                    sent += self.step(producer)
                while self._burst > 0:
                    self._burst -= 1
                    self.witness(producer)
                if len(producer) > 4 * self.rate:
                    producer.flush(5)
                producer.poll(0.005)
            if producer.flush(120):
                raise RuntimeError("the broker takes nothing")
            if self.unsure and self.missing():
                raise RuntimeError(f"not in the log, though delivered: {self.missing()}")
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def prime(self, producer):
        """The first record of every partition. A retry of it may be answered as known already, though it is not there."""
        for part in range(self.partitions):
            self.witness(producer, part)
            for name in KEYED:
                self.upsert(producer, name, part, ["note"])
        for _ in range(10):
            if producer.flush(60):
                raise RuntimeError("the broker takes nothing")
            for topic, part, _ in self.missing() if self.unsure else ():
                self.ends[topic, part], (key, value) = 0, self.unsure.pop((topic, part, 0))
                self.send(producer, topic, part, value, key)

    def missing(self):
        """What was said to be delivered, and is beyond its partition's end."""
        ends = {topic: self.kafka.ends(topic) for topic in self.topics.values()}
        return [at for at in self.unsure if ends[at[0]][at[1]] < self.ends[at[:2]]]

    def send(self, producer, topic, part, value, key=None):
        at = (topic, part, self.ends[topic, part])
        self.ends[topic, part] += 1
        self.produced += 1

        def delivered(error, message):
            if not error and message.offset() is None:
                self.unsure[at] = key, value
            elif error or (message.topic(), message.partition(), message.offset()) != at:
                self.error = self.error or RuntimeError(f"{at} was delivered as {error or message.offset()}")

        while True:
            try:
                producer.produce(topic, value=value, key=key, partition=part, on_delivery=delivered)
                return at
            except BufferError:
                producer.poll(0.1)

    def step(self, producer):
        """One witness record and one change of each keyed table; returns how many records."""
        before = self.produced
        self.witness(producer)
        self.change(producer, "account", self.chance.randrange(self.keys))
        key = self.chance.randrange(8)  # hot keys: several changes of one key in one batch
        if self.chance.random() < 0.3:
            self.delete(producer, "churn", key)
            self.upsert(producer, "churn", key, ["note"])  # what it leaves out must be gone
        else:
            self.change(producer, "churn", key)
        return self.produced - before

    def witness(self, producer, part=None):
        if part is None:
            part = self.produced % self.partitions if self.chance.random() < 0.5 else self.chance.randrange(self.partitions)
        topic = self.topics["witness"]
        self.send(producer, topic, part, json.dumps({"number": self.produced, "part": part, "off": self.ends[topic, part],
                                                     "text": "x" * (self.produced % 60)}).encode())

    def change(self, producer, name, key):
        kind = self.chance.random()
        if kind < 0.15:
            self.delete(producer, name, key)
        elif kind < 0.4:
            self.upsert(producer, name, key, self.chance.sample(("note", "amount"), 1))
        else:
            self.upsert(producer, name, key, ["note", "amount"])

    def delete(self, producer, name, key):
        self.send(producer, self.topics[name], key % self.partitions, None, b"%d" % key)
        self.models[name].pop(key, None)

    def upsert(self, producer, name, key, fields):
        """number, part and off are always there, so that the row tells which record made it what it is."""
        topic, part = self.topics[name], key % self.partitions
        event = {"id": key, "number": self.produced, "part": part, "off": self.ends[topic, part]}
        for field in fields:
            event[field] = None if self.chance.random() < 0.2 else self.produced % 1000 if field == "amount" else f"n{self.produced}"
        if self.chance.random() < self.poison:
            stage = self.chance.choice(tuple(POISON))
            if stage == "write":  # a key of its own: a record that its batch supersedes is never shown to PostgreSQL
                event["id"] = key = 10**6 + self.produced
            self.dead[topic, part, event["off"]] = stage  # before it can be met
            self.send(producer, topic, part, POISON[stage](event), b"%d" % key)
            return
        self.send(producer, topic, part, json.dumps(event).encode(), b"%d" % key)
        row = {name: value for name, value in event.items() if name != "id"}
        self.models[name][key] = {**dict.fromkeys(COLUMNS), **self.models[name].get(key, {}), **row}

    def burst(self, records):
        """So many witness records at once, in addition."""
        self._burst += records

    def calm(self, on=True):
        """No new records while on."""
        self._calm.set() if on else self._calm.clear()

    def finish(self):
        self._enough.set()
        if self.is_alive():
            self.join(180)
        if self.error:
            raise self.error
