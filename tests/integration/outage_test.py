#!/usr/bin/python3
"""What runs beside the service goes away and comes back: PostgreSQL, its connections, the broker.

--away SECONDS: how long PostgreSQL stays away.
"""
import json
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import ServiceCase, main  # noqa: E402
from support.waiting import wait_until  # noqa: E402

PARTITIONS = 4


class Outage(ServiceCase):
    def setUp(self):
        super().setUp()
        self.sql("CREATE TABLE witness (number bigint, text text)")
        self.log = self.topic("witness", PARTITIONS)
        self.produced = 0
        self.enough = threading.Event()
        self.error = None
        self.producing = threading.Thread(target=self.produce)
        self.addCleanup(self.finish)

    def produce(self):
        """About 5,000 events a second until told to stop; a broker that is away for a while is waited for."""
        try:
            producer = self.kafka.producer()
            while not self.enough.is_set():
                for _ in range(250):
                    value = json.dumps({"number": self.produced, "text": "x" * 40}).encode()
                    producer.produce(self.log, value=value, partition=self.produced % PARTITIONS)
                    self.produced += 1
                if producer.flush(60):
                    raise RuntimeError("the broker takes nothing")
                time.sleep(0.05)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def finish(self):
        self.enough.set()
        if self.producing.is_alive():
            self.producing.join(90)

    def stream(self):
        service = self.service(self.route(self.log, "public.witness", None, mode="insert")).start()
        self.producing.start()
        self.wait_progress()
        return service

    def committed(self):
        return sum(self.pointers().values())

    def wait_progress(self, seconds=60):
        before = self.committed()
        began = time.monotonic()
        wait_until(lambda: self.committed() > before,
                   lambda: "no progress\n" + "\n".join(service.tail() for service in self.services), seconds, every=0.02)
        return time.monotonic() - began

    def check_witness(self):
        self.finish()
        self.assertIsNone(self.error)
        self.wait_caught_up(self.log)
        count, distinct = self.sql("SELECT count(*), count(DISTINCT number) FROM witness")[0]
        self.assertEqual(distinct, self.produced, "lost")
        self.assertEqual(count, distinct, "repeated")

    def members(self):
        return sorted(member.id for group in self.kafka.admin.list_groups(self.name, timeout=30) for member in group.members)

    def test_postgresql_away_costs_no_membership_and_no_record(self):
        service = self.stream()
        members = self.members()
        self.assertEqual(len(members), 1)
        self.postgres.stop("immediate")
        time.sleep(self.options.away)
        self.assertTrue(service.running(), service.tail())
        self.assertEqual(service.get("/healthz")[0], 200, "waiting on purpose is healthy")
        self.assertEqual(self.members(), members)
        self.postgres.start()
        print(f"progress {self.wait_progress():.2f} s after PostgreSQL's return")
        self.check_witness()
        self.assertEqual(self.members(), members)
        self.assertEqual(service.stop(), 0)

    def test_terminated_connections_lose_and_repeat_nothing(self):
        service = self.stream()
        chance = random.Random(1)
        ended = 0
        for _ in range(15):
            ended += len(self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND"
                                  " pid <> pg_backend_pid()", self.name))
            time.sleep(chance.random() * 0.4)
        self.assertGreater(ended, 0)
        self.check_witness()
        self.assertEqual(service.stop(), 0)

    def test_a_broker_that_restarts_is_gone_on_with(self):
        service = self.stream()
        self.kafka.restart()
        self.wait_progress(120)
        self.kafka.kill()
        self.kafka.start()
        self.wait_progress(120)
        self.check_witness()
        self.assertEqual(service.stop(), 0)


if __name__ == "__main__":
    main(away=5.0)
