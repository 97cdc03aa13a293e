"""Writers of the same rows never lock each other out: two instances, topics that feed the same tables in opposite orders.

It lasts --seconds; --json FILE is where to leave the figures. Whole rows, parts of rows and deletes are mixed, and keys
come and go all the time.
"""
import json
import pathlib
import random
import threading
import time

from support.pipeline import route

PARTITIONS, KEYS = 4, 600
TABLES = ("alpha", "beta")


class Feed(threading.Thread):
    """One topic per table, walked through with steady steps through the keys, forwards or backwards."""

    def __init__(self, pipeline, name, step, seed):
        super().__init__(daemon=True)
        self.pipeline, self.step, self.chance = pipeline, step, random.Random(seed)
        self.topics = {table: pipeline.topic(f"{name}.{table}", PARTITIONS) for table in TABLES[::step]}
        self.shift = 0 if step > 0 else 2  # a key's two partitions are not the same instance's
        self.last = {table: {} for table in TABLES}  # by key: the number that the last event set, None for a delete
        self.produced, self.enough, self.error = 0, threading.Event(), None

    def run(self):
        try:
            producer, key = self.pipeline.kafka.producer(), 0
            while not self.enough.is_set():
                for _ in range(400):
                    key = (key + self.step) % KEYS
                    for table, topic in self.topics.items():
                        producer.produce(topic, partition=(key + self.shift) % PARTITIONS, key=b"%d" % key, value=self.event(table, key))
                        self.produced += 1
                if producer.flush(60):
                    raise RuntimeError("the broker takes nothing")
                self.enough.wait(0.03)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def event(self, table, key):
        kind = self.chance.random()
        self.last[table][key] = None if kind < 0.3 else self.produced
        if kind < 0.3:
            return None
        return json.dumps({"id": key, "number": self.produced, **({"note": "x" * 20} if kind < 0.6 else {})}).encode()


def test_writers_of_the_same_rows_in_opposite_orders_never_deadlock(pipeline, option):
    for table in TABLES:
        pipeline.sql(f"CREATE TABLE {table} (id bigint PRIMARY KEY, number bigint, note text)")
    feeds = [Feed(pipeline, "forth", 1, 1), Feed(pipeline, "back", -1, 2)]
    routes = "".join(route(topic, f"public.{table}") for feed in feeds for table, topic in feed.topics.items())
    services = [pipeline.service(routes, rest="[batch]\nrows = 500").start() for _ in range(2)]
    begin = time.monotonic()
    for feed in feeds:
        feed.start()
    while time.monotonic() - begin < option("seconds", 40) and all(one.running() for one in services):
        feeds[0].enough.wait(1)
    for feed in feeds:
        feed.enough.set()
        feed.join(90)
        assert feed.error is None
    pipeline.wait_caught_up(*(topic for feed in feeds for topic in feed.topics.values()))
    seconds = time.monotonic() - begin
    deadlocks, waits = (pipeline.database.log().count(words) for words in ("deadlock detected", "still waiting for"))
    total = sum(feed.produced for feed in feeds)
    owners = pipeline.sql("SELECT count(DISTINCT owner) FROM sluice.pointer")[0][0]
    print(f"{total} records in {seconds:.0f} s by {owners} instances, {deadlocks} deadlocks, {waits} waits above a second")
    if option("json", ""):
        pathlib.Path(option("json", "")).write_text(json.dumps({
            "seconds": round(seconds), "records": total, "instances": owners, "keys": KEYS, "deadlocks": deadlocks,
            "waits_above_a_second": waits}), encoding="ascii")
    assert deadlocks == 0
    assert pipeline.dead_letters() == {}
    for table in TABLES:
        check_table(pipeline, table, [feed.last[table] for feed in feeds])
    assert [one.stop() for one in services] == [0, 0]


def check_table(pipeline, table, lasts):
    """Which of the two topics had the last word about a row is open; that one of them had it is not."""
    rows = dict(pipeline.sql(f"SELECT id, number FROM {table}"))
    for key in range(KEYS):
        words = [last[key] for last in lasts if key in last]
        if words:
            assert rows.get(key) in words, f"{table} {key}"
