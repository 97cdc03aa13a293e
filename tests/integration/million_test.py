"""A long mixed stream: upserts, inserts, partial updates, deletes and poison over eight partitions, against a model.

--events N: 60,000 in the test run; the full proof takes 1,000,000.
"""
import contextlib
import json
import random
import threading
import time

from support.pipeline import IDENTITY, check_identity, route

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


def watch(pipeline, stop, seen):
    """Every snapshot must balance, dead letters included, while the service writes."""
    with contextlib.closing(pipeline.postgres.connect(pipeline.name)) as connection, connection.cursor() as cursor:
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


def test_a_mixed_stream_ends_as_the_model_says(pipeline, option, seed):
    count = option("events", 60000)
    pipeline.sql(TABLE)
    topic = pipeline.topic("item", PARTITIONS)
    stop, seen = threading.Event(), []
    watcher = threading.Thread(target=watch, args=(pipeline, stop, seen))
    watcher.start()
    try:
        pipeline.service(route(topic, "public.item", max_dead_letters=1000000)).start()
        began = time.monotonic()
        model, poison = {}, []
        wanted = produce(pipeline, topic, events(count, seed, model, poison), poison)
        print(f"produced {count} in {time.monotonic() - began:.1f} s")
        pipeline.wait_caught_up(topic, seconds=120 + count // 1000)
        print(f"caught up after {time.monotonic() - began:.1f} s")
    finally:
        stop.set()
        watcher.join()
    compare(pipeline, model)
    assert set(pipeline.dead_letters()) == wanted
    for rows, dead in seen:
        check_identity(rows)
        for row in rows:
            assert row[7] == dead.get((row[0], row[1]), 0), "dead letters and the pointer's count differ"
    moving = sum(1 for rows, _ in seen if 0 < sum(row[3] for row in rows) < count)
    print(f"{len(seen)} snapshots, {moving} of them in the middle of the stream; {len(wanted)} dead letters")
    assert moving > 0, "no snapshot was taken while the service was writing"


def produce(pipeline, topic, stream, poison):
    producer = pipeline.kafka.producer(linger_ms=20, batch_size=500000)
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
    assert producer.flush(120) == 0
    assert len(wanted) == len(poison)
    return wanted


def compare(pipeline, model):
    rows = pipeline.sql("SELECT id, name, amount::text, quantity, detail FROM item")
    found = {row[0]: dict(zip(DEFAULTS, row[1:])) for row in rows}
    wrong = [(key, found.get(key), model.get(key)) for key in found.keys() | model.keys()
             if found.get(key) != model.get(key)]
    assert not wrong[:5], f"{len(wrong)} rows differ (found, model)"
