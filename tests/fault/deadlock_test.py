#!/usr/bin/python3
"""Writers of the same rows never lock each other out: two instances, topics that feed the same tables in opposite orders.

--seconds N: how long. --json FILE: where to leave the figures. Whole rows, parts of rows and deletes are mixed, and keys
come and go all the time.
"""
import json
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import ServiceCase, main  # noqa: E402

PARTITIONS, KEYS = 4, 600
TABLES = ("alpha", "beta")


class Feed(threading.Thread):
    """One topic per table, walked through with steady steps through the keys, forwards or backwards."""

    def __init__(self, case, name, step, seed):
        super().__init__(daemon=True)
        self.case, self.step, self.chance = case, step, random.Random(seed)
        self.topics = {table: case.topic(f"{name}.{table}", PARTITIONS) for table in TABLES[::step]}
        self.shift = 0 if step > 0 else 2  # a key's two partitions are not the same instance's
        self.last = {table: {} for table in TABLES}  # by key: the number that the last event set, None for a delete
        self.produced, self.enough, self.error = 0, threading.Event(), None

    def run(self):
        try:
            producer, key = self.case.kafka.producer(), 0
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


class Deadlock(ServiceCase):
    def test_writers_of_the_same_rows_in_opposite_orders_never_deadlock(self):
        for table in TABLES:
            self.sql(f"CREATE TABLE {table} (id bigint PRIMARY KEY, number bigint, note text)")
        feeds = [Feed(self, "forth", 1, 1), Feed(self, "back", -1, 2)]
        routes = "".join(self.route(topic, f"public.{table}") for feed in feeds for table, topic in feed.topics.items())
        services = [self.service(routes, rest="[batch]\nrows = 500").start() for _ in range(2)]
        begin = time.monotonic()
        for feed in feeds:
            feed.start()
        while time.monotonic() - begin < self.options.seconds and all(one.running() for one in services):
            feeds[0].enough.wait(1)
        for feed in feeds:
            feed.enough.set()
            feed.join(90)
            self.assertIsNone(feed.error)
        self.wait_caught_up(*(topic for feed in feeds for topic in feed.topics.values()))
        seconds = time.monotonic() - begin
        deadlocks = self.postgres.log().count("deadlock detected")
        waits = self.postgres.log().count("still waiting for")
        total = sum(feed.produced for feed in feeds)
        owners = self.sql("SELECT count(DISTINCT owner) FROM sluice.pointer")[0][0]
        print(f"{total} records in {seconds:.0f} s by {owners} instances, {deadlocks} deadlocks, {waits} waits above a second")
        if self.options.json:
            pathlib.Path(self.options.json).write_text(json.dumps({
                "seconds": round(seconds), "records": total, "instances": owners, "keys": KEYS, "deadlocks": deadlocks,
                "waits_above_a_second": waits}), encoding="ascii")
        self.assertEqual(deadlocks, 0)
        self.assertEqual(self.dead_letters(), {})
        for table in TABLES:
            self.check_table(table, [feed.last[table] for feed in feeds])
        self.assertEqual([one.stop() for one in services], [0, 0])

    def check_table(self, table, lasts):
        """Which of the two topics had the last word about a row is open; that one of them had it is not."""
        rows = dict(self.sql(f"SELECT id, number FROM {table}"))
        for key in range(KEYS):
            words = [last[key] for last in lasts if key in last]
            if words:
                self.assertIn(rows.get(key), words, f"{table} {key}")


if __name__ == "__main__":
    main(seconds=40, json="")
