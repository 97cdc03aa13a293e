#!/usr/bin/python3
"""A long mixed stream: upserts, inserts, partial updates, deletes and poison over eight partitions, against a model.

--events N: 60,000 in the test run; the full proof takes 1,000,000.
"""
import contextlib
import json
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import IDENTITY, ServiceCase, main  # noqa: E402

PARTITIONS = 8
TABLE = """CREATE TABLE item (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'nameless', amount numeric(14,2),
                              quantity integer CHECK (quantity >= 0), detail jsonb)"""
DEFAULTS = {"name": "nameless", "amount": None, "quantity": None, "detail": None}
UNIQUE = 10**12  # keys of records that break a constraint: nothing else may supersede them


def events(count, seed, model, poison):
    """Yields (id, value bytes or None); keeps the model and notes the numbers of the poisoned events."""
    chance = random.Random(seed)
    keys = max(100, count // 5)
    fresh = keys
    for number in range(count):
        key, dice = chance.randrange(keys), chance.random()
        if dice < 0.001:
            poison.append(number)
            yield spoiled(chance, number, key)
        elif dice < 0.1:
            model.pop(key, None)
            yield key, None
        elif dice < 0.2:
            row = {"quantity": chance.randrange(1000)}
            model[key] = {**model.get(key, DEFAULTS), **row}
            yield key, json.dumps({"id": key, **row}).encode()
        else:
            if dice < 0.3:
                key = fresh = fresh + 1
            row = {"name": f"name {number} é'\"\\", "amount": f"{chance.randrange(10**9) / 100:.2f}",
                   "quantity": chance.randrange(1000), "detail": {"n": number, "tags": ["a", None]}}
            model[key] = row
            # The number is written as digits: the service must not round it.
            yield key, json.dumps({"id": key, **row}).replace(f'"{row["amount"]}"', row["amount"]).encode()


def spoiled(chance, number, key):
    kind = chance.randrange(4)
    if kind == 0:
        return key, b'{"id": %d, "name": "cut' % key
    if kind == 1:
        return key, json.dumps({"id": key, "name": "wrong type", "quantity": "many"}).encode()
    if kind == 2:
        return UNIQUE + number, json.dumps({"id": UNIQUE + number, "name": "constraint", "quantity": -5}).encode()
    return UNIQUE + number, json.dumps({"id": UNIQUE + number, "name": None}).encode()


class Million(ServiceCase):
    def watch(self, stop, seen):
        """Every snapshot must balance, dead letters included, while the service writes."""
        with contextlib.closing(self.postgres.connect(self.name)) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                cursor.execute("SELECT to_regclass('sluice.pointer') IS NOT NULL AND to_regclass('sluice.dead_letter')"
                               " IS NOT NULL")
                if cursor.fetchone()[0]:
                    cursor.execute(IDENTITY)
                    rows = cursor.fetchall()
                    cursor.execute("SELECT topic, partition, count(*) FROM sluice.dead_letter GROUP BY 1, 2")
                    dead = {(topic, partition): count for topic, partition, count in cursor.fetchall()}
                    seen.append((rows, dead))
                cursor.execute("COMMIT")
                time.sleep(0.02)

    def test_a_mixed_stream_ends_as_the_model_says(self):
        count, seed = self.options.events, self.options.seed or random.randrange(10**6)
        print(f"seed {seed}")
        self.sql(TABLE)
        topic = self.topic("item", PARTITIONS)
        stop, seen = threading.Event(), []
        watcher = threading.Thread(target=self.watch, args=(stop, seen))
        watcher.start()
        try:
            self.service(self.route(topic, "public.item", max_dead_letters=1000000)).start()
            began = time.monotonic()
            model, poison = {}, []
            wanted = self.produce(topic, events(count, seed, model, poison), poison)
            print(f"produced {count} in {time.monotonic() - began:.1f} s")
            self.wait_caught_up(topic, seconds=60 + count // 1000)
            print(f"caught up after {time.monotonic() - began:.1f} s")
        finally:
            stop.set()
            watcher.join()
        self.compare(model)
        self.assertEqual(set(self.dead_letters()), wanted)
        for rows, dead in seen:
            self.check_identity(rows)
            for row in rows:
                self.assertEqual(row[7], dead.get((row[0], row[1]), 0), "dead letters and the pointer's count differ")
        moving = sum(1 for rows, _ in seen if 0 < sum(row[3] for row in rows) < count)
        print(f"{len(seen)} snapshots, {moving} of them in the middle of the stream; {len(wanted)} dead letters")
        self.assertGreater(moving, 0, "no snapshot was taken while the service was writing")

    def produce(self, topic, stream, poison):
        producer = self.kafka.producer(linger_ms=20, batch_size=500000)
        wanted = set()

        def note(error, message):
            assert not error, error
            wanted.add((topic, message.partition(), message.offset()))

        for number, (key, value) in enumerate(stream):
            bad = {"on_delivery": note} if poison and poison[-1] == number else {}
            while True:
                try:
                    producer.produce(topic, value=value, key=str(key).encode(), partition=key % PARTITIONS, **bad)
                    break
                except BufferError:
                    producer.poll(0.1)
            if number % 5000 == 0:
                producer.poll(0)
        self.assertEqual(producer.flush(120), 0)
        self.assertEqual(len(wanted), len(poison))
        return wanted

    def compare(self, model):
        rows = self.sql("SELECT id, name, amount::text, quantity, detail FROM item")
        found = {row[0]: dict(zip(DEFAULTS, row[1:])) for row in rows}
        wrong = [(key, found.get(key), model.get(key)) for key in found.keys() | model.keys()
                 if found.get(key) != model.get(key)]
        self.assertFalse(wrong[:5], f"{len(wrong)} rows differ (found, model)")


if __name__ == "__main__":
    main(events=60000, seed=0)
