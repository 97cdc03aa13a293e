#!/usr/bin/python3
"""Several instances in one group: partitions are shared, handed over and taken from a frozen instance, exactly once."""
import json
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import ServiceCase, main  # noqa: E402
from support.waiting import wait_until  # noqa: E402

PARTITIONS = 6


class Group(ServiceCase):
    def setUp(self):
        super().setUp()
        self.sql("CREATE TABLE witness (number bigint, text text)")
        self.log = self.topic("witness", PARTITIONS)
        self.produced, self.enough = 0, threading.Event()
        self.producing = threading.Thread(target=self.produce)
        self.addCleanup(self.finish)

    def produce(self):
        producer = self.kafka.producer()
        while not self.enough.is_set():
            for _ in range(300):
                value = json.dumps({"number": self.produced, "text": "y" * 40}).encode()
                producer.produce(self.log, value=value, partition=self.produced % PARTITIONS)
                self.produced += 1
            producer.flush(60)
            time.sleep(0.05)

    def finish(self):
        self.enough.set()
        if self.producing.is_alive():
            self.producing.join(90)

    def instance(self, strategy):
        return self.service(self.route(self.log, "public.witness", None, mode="insert"), kafka=f'strategy = "{strategy}"')

    def owners(self):
        """Owner of each partition that has one."""
        if not self.pointers():
            return {}
        return dict(self.sql("SELECT partition, owner FROM sluice.pointer WHERE owner IS NOT NULL"))

    def wait_owners(self, count, partitions=PARTITIONS):
        wait_until(lambda: len(self.owners()) == partitions and len(set(self.owners().values())) == count,
                   lambda: f"{count} owners of {partitions} partitions, found {self.owners()}\n"
                   + "\n".join(f"---\n{service.tail(2500)}" for service in self.services), 60)

    def check_witness(self):
        self.finish()
        self.wait_caught_up(self.log)
        count, distinct = self.sql("SELECT count(*), count(DISTINCT number) FROM witness")[0]
        self.assertEqual(distinct, self.produced, "lost")
        self.assertEqual(count, distinct, "repeated")

    def join_and_leave(self, strategy):
        first, second = self.instance(strategy).start(), self.instance(strategy)
        self.producing.start()
        self.wait_owners(1)
        one = set(self.owners().values())
        second.start()
        self.wait_owners(2)
        self.assertEqual(first.stop(), 0)
        wait_until(lambda: len(self.owners()) == PARTITIONS and one.isdisjoint(self.owners().values()),
                   lambda: f"{one} should own nothing: {self.owners()}\n{second.tail()}", 60)
        self.wait_owners(1)
        third = self.instance(strategy).start()
        self.wait_owners(2)
        self.check_witness()
        self.assertEqual((second.stop(), third.stop()), (0, 0))

    def test_instances_share_leave_and_join_with_range(self):
        self.join_and_leave("range")

    def test_instances_share_leave_and_join_with_cooperative_sticky(self):
        self.join_and_leave("cooperative-sticky")

    def test_a_frozen_instance_that_thaws_is_fenced(self):
        first, second = self.instance("range").start(), self.instance("range")
        self.producing.start()
        self.wait_owners(1)
        second.start()
        self.wait_owners(2)
        frozen = set(self.owners().values())
        first.signal(signal.SIGSTOP)
        try:
            self.wait_owners(1)  # after the session timeout the other one has everything
            self.assertLess(set(self.owners().values()), frozen)
        finally:
            first.signal(signal.SIGCONT)
        self.wait_owners(2)  # it comes back as a new member, and under new claims
        self.check_witness()
        self.assertEqual((first.stop(), second.stop()), (0, 0))


if __name__ == "__main__":
    main()
