#!/usr/bin/python3
"""What stands in the table `pause` stands still: in every instance, over a restart, until it is taken out or expires."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import ServiceCase, encode, main  # noqa: E402
from support.waiting import wait_until  # noqa: E402

PAUSE = "INSERT INTO sluice.pause (pipeline, target, reason, paused_by, expires_at) VALUES (%s, %s, 'vacuum', 'ann', {})"


class Paused(ServiceCase):
    def setUp(self):
        super().setUp()
        self.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
        self.sql("CREATE TABLE other (id bigint PRIMARY KEY, name text)")
        self.item, self.other = self.topic("item", 2), self.topic("other")
        self.routes = self.route(self.item, "public.item") + self.route(self.other, "public.other")
        self.published = 0

    def publish(self, count=100):
        for topic in (self.item, self.other):
            for partition in range(2 if topic == self.item else 1):
                self.kafka.publish(topic, [(b"%d" % (2 * n + partition), encode({"id": 2 * n + partition, "name": "n"}))
                                           for n in range(self.published, self.published + count)], partition=partition)
        self.published += count

    def started(self):
        self.publish()
        service = self.service(self.routes).start()
        self.wait_caught_up(self.item, self.other)
        return service

    def pause(self, target, expires="NULL"):
        self.sql(PAUSE.format(expires), self.name, target)

    def check_stands(self, topic, partition=0):
        """Publishes more: the others take it, this one does not."""
        before = self.pointers()[(topic, partition)]
        self.publish()
        other = self.other if topic == self.item else self.item
        self.wait_caught_up(other)
        self.assertEqual(self.pointers()[(topic, partition)], before)

    def wait_lag(self, service, topic, records):
        """What piles up behind a pause is seen from outside."""
        def lags():
            return {name: value for name, value in service.metrics().items()
                    if name.startswith("sluice_partition_lag") and f'"{topic}"' in name}
        wait_until(lambda: set(lags().values()) == {records}, lags)

    def test_a_paused_topic_stands_still_over_a_restart_until_the_pause_is_gone(self):
        service = self.started()
        self.pause(self.item)
        for partition in (0, 1):
            reason = self.wait_state(self.item, "paused", partition)
            self.assertIn("ann", reason)
            self.assertIn("vacuum", reason)
        self.check_stands(self.item)
        self.wait_lag(service, self.item, 100)
        self.assertEqual(service.stop(), 0)
        service.start()
        self.check_stands(self.item)
        self.assertEqual(self.state(self.item)[0], "paused")
        self.sql("DELETE FROM sluice.pause")
        self.wait_caught_up(self.item, self.other)
        self.wait_state(self.item, "ok")
        self.wait_state(self.item, "ok", 1)
        self.assertEqual(self.sql("SELECT count(*) FROM item"), [(2 * self.published,)])
        self.assertEqual(service.stop(), 0)

    def test_a_partition_can_be_paused_alone(self):
        service = self.started()
        self.pause(f"{self.item}/1")
        self.wait_state(self.item, "paused", 1)
        self.check_stands(self.item, 1)
        self.assertEqual(self.state(self.item, 0)[0], "ok")
        self.sql("DELETE FROM sluice.pause")
        self.wait_caught_up(self.item)
        self.assertEqual(service.stop(), 0)

    def test_a_paused_table_stops_the_topics_that_feed_it(self):
        service = self.started()
        self.pause("table public.other")
        self.wait_state(self.other, "paused")
        self.check_stands(self.other)
        self.assertEqual(self.state(self.item)[0], "ok")
        self.sql("DELETE FROM sluice.pause")
        self.wait_caught_up(self.other)
        self.assertEqual(service.stop(), 0)

    def test_a_pause_ends_by_itself_when_it_expires_and_the_audit_trail_says_so(self):
        service = self.started()
        self.pause("all", "clock_timestamp() + interval '6 seconds'")
        self.wait_state(self.other, "paused")
        self.publish()
        self.wait_caught_up(self.item, self.other)
        self.assertEqual(self.sql("SELECT count(*) FROM sluice.pause"), [(0,)])
        self.assertEqual(self.sql("SELECT who, command, target, outcome FROM sluice.audit"),
                         [("sluice", "expired", "all", "done")])
        self.assertEqual(service.stop(), 0)

    def test_a_pause_does_not_hide_what_else_stopped_a_partition(self):
        service = self.service(self.route(self.other, "public.other", on_error="stop"))
        service.expected = ["poison"]
        self.kafka.publish(self.other, [(b"1", b'{"id": 1, "name"')])
        service.start(ready=False)
        self.wait_state(self.other, "poison")
        self.pause("all")
        wait_until(lambda: service.metrics().get("sluice_pauses") == 1, lambda: service.tail(), 30)
        self.assertEqual(self.state(self.other)[0], "poison")
        self.assertEqual(service.stop(), 0)

    def test_a_pause_is_obeyed_and_taken_back_quickly(self):
        service = self.started()
        began = time.monotonic()
        self.pause("all")
        self.wait_state(self.other, "paused", seconds=30)
        paused = time.monotonic() - began
        began = time.monotonic()
        self.sql("DELETE FROM sluice.pause")
        self.wait_state(self.other, "ok", seconds=30)
        print(f"paused after {paused:.2f} s, resumed after {time.monotonic() - began:.2f} s", file=sys.stderr)
        self.assertEqual(service.stop(), 0)


if __name__ == "__main__":
    main()
