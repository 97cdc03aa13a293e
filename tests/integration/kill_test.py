"""kill -9 in the middle of a stream, again and again: nothing is lost, nothing is repeated.

The witness is an append-only table without a key: a record that takes effect twice is two rows.
"""
import json
import random
import threading
import time

from support.pipeline import route
from support.waiting import wait_until

PARTITIONS = 8


class Stream(threading.Thread):
    """Produces numbered events to both topics until told to stop, at least `least` of them, never far ahead."""

    def __init__(self, kafka, witness, keyed, least, seed):
        super().__init__()
        self.kafka, self.witness, self.keyed, self.least = kafka, witness, keyed, least
        self.chance = random.Random(seed)
        self.produced = 0
        self.model = {}
        self.enough = threading.Event()
        self.error = None

    def run(self):
        try:
            producer = self.kafka.producer()
            while not self.enough.is_set() or self.produced < self.least:
                self.chunk(producer)
                if producer.flush(60):
                    raise RuntimeError("the broker takes nothing")
                if self.produced >= self.least:
                    time.sleep(0.05)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def chunk(self, producer):
        for _ in range(2000):
            number, key = self.produced, self.chance.randrange(500)
            self.produced += 1
            producer.produce(self.witness, partition=number % PARTITIONS,
                             value=json.dumps({"number": number, "text": "x" * (number % 50)}).encode())
            self.model[key] = number
            producer.produce(self.keyed, partition=key % PARTITIONS, key=str(key).encode(),
                             value=json.dumps({"id": key, "number": number}).encode())


def test_killed_services_lose_and_repeat_nothing(pipeline, option, seed):
    kills, chance = option("kills", 5), random.Random(seed)
    pipeline.sql("CREATE TABLE witness (number bigint, text text)")
    pipeline.sql("CREATE TABLE keyed (id bigint PRIMARY KEY, number bigint)")
    witness, keyed = pipeline.topic("witness", PARTITIONS), pipeline.topic("keyed", PARTITIONS)
    service = pipeline.service(route(witness, "public.witness", [], mode="insert")
                               + route(keyed, "public.keyed"), kafka='instance = "one"')
    stream = Stream(pipeline.kafka, witness, keyed, option("events", 60000), seed)
    stream.start()
    middle = 0
    try:
        for _ in range(kills):
            before = sum(pipeline.pointers().values())
            service.start(ready=False)
            if chance.random() < 0.2:
                time.sleep(chance.random() * 0.5)  # perhaps before it has claimed anything
            else:
                wait_until(lambda: sum(pipeline.pointers().values()) > before or not service.running(), service.tail, 90,
                           every=0.01)
                time.sleep(chance.random() * 0.3)
            assert service.running(), service.tail()
            service.kill9()
            middle += sum(pipeline.pointers().values()) < 2 * stream.produced
    finally:
        stream.enough.set()
        stream.join()
    assert stream.error is None
    service.start()
    pipeline.wait_caught_up(witness, keyed, seconds=120 + stream.produced // 1000)
    print(f"{kills} kills, {middle} in the middle of the stream; {2 * stream.produced} events")
    assert middle > 0
    count, distinct, least, most = pipeline.sql(
        "SELECT count(*), count(DISTINCT number), min(number), max(number) FROM witness")[0]
    assert (distinct, least, most) == (stream.produced, 0, stream.produced - 1), "lost"
    assert count - distinct == 0, "repeated"
    assert dict(pipeline.sql("SELECT id, number FROM keyed")) == stream.model
    assert service.stop() == 0
