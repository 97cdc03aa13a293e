#!/usr/bin/python3
"""The log itself misbehaves: records gone below the pointer, a topic created anew, offsets without records."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import ServiceCase, encode, main  # noqa: E402
from support.waiting import wait_until  # noqa: E402

TABLE = "CREATE TABLE item (id bigint PRIMARY KEY, name text)"


def records(first, last, name="name"):
    return [(b"%d" % n, encode({"id": n, "name": name})) for n in range(first, last)]


class Log(ServiceCase):
    def setUp(self):
        super().setUp()
        self.sql(TABLE)

    def consumed(self, count):
        """A topic of which `count` records have taken effect; the service is stopped."""
        topic = self.topic("item")
        self.kafka.publish(topic, records(0, count))
        service = self.service(self.route(topic, "public.item")).start()
        self.wait_caught_up(topic)
        self.assertEqual(service.stop(), 0)
        return topic, service

    def check_stops(self, topic, service, state, next_offset):
        before = self.sql("SELECT id, name FROM item ORDER BY id")
        service.expected = [state]
        service.start(ready=False)
        self.assertTrue(self.wait_state(topic, state))
        self.kafka.publish(topic, records(5000, 5010, "later"))
        self.assertEqual(service.stop(), 0)
        self.assertEqual(self.pointers()[(topic, 0)], next_offset, "nothing is skipped or reset silently")
        self.assertEqual(self.sql("SELECT id, name FROM item ORDER BY id"), before)

    def test_records_deleted_above_the_pointer_are_lost_data(self):
        topic, service = self.consumed(100)
        self.kafka.publish(topic, records(100, 200))
        self.kafka.delete_records(topic, 0, 150)
        self.check_stops(topic, service, "lost_data", 100)

    def test_a_topic_created_anew_and_shorter_has_shrunk(self):
        topic, service = self.consumed(100)
        self.kafka.delete_topic(topic)
        self.kafka.create_topic(topic)
        self.kafka.publish(topic, records(0, 10, "other"))
        self.check_stops(topic, service, "log_shrunk", 100)

    def test_a_topic_created_anew_and_longer_has_changed(self):
        topic, service = self.consumed(100)
        self.kafka.delete_topic(topic)
        self.kafka.create_topic(topic)
        self.kafka.publish(topic, records(0, 500, "other"))
        self.check_stops(topic, service, "log_changed", 100)

    def test_a_topic_deleted_up_to_the_pointer_goes_on(self):
        topic, service = self.consumed(100)
        self.kafka.delete_records(topic, 0, 100)  # the anchor record is gone, nothing unread is
        self.kafka.publish(topic, records(100, 150))
        service.start()
        self.wait_caught_up(topic)
        self.assertEqual(self.sql("SELECT count(*) FROM item"), [(150,)])
        self.assertEqual(service.stop(), 0)

    def readable(self, topic):
        """How many records a reader finds."""
        return len(self.kafka.readable(topic))

    def check_gaps(self, topic, readable):
        end = self.kafka.ends(topic)[0]
        self.assertGreater(end, readable, "the log has no gaps")
        service = self.service(self.route(topic, "public.item")).start()
        self.wait_caught_up(topic)
        gaps, counted = self.sql("SELECT gaps, applied + folded + skipped + dead FROM sluice.pointer")[0]
        self.assertEqual((gaps, counted), (end - readable, readable))
        self.assertEqual(service.stop(), 0)

    def test_gaps_from_compaction_are_counted(self):
        topic = self.topic("item", cleanup_policy="compact", segment_ms=200, min_cleanable_dirty_ratio=0.001,
                           min_compaction_lag_ms=0, delete_retention_ms=0)
        number = 0

        def compacted():
            # A new segment begins with a later write, and only closed ones are compacted.
            nonlocal number
            number += 1
            self.kafka.publish(topic, records(0, 50, f"round {number}"), producer=producer)
            return self.readable(topic) < self.kafka.ends(topic)[0]

        producer = self.kafka.producer()
        wait_until(compacted, "the broker does not compact", 60, every=0.3)
        # The end of the log may fall into what is compacted meanwhile: close with a segment of its own.
        self.kafka.publish(topic, records(100, 110), producer=producer)
        readable = None
        while readable != (readable := self.readable(topic)):
            pass
        service = self.service(self.route(topic, "public.item")).start()
        self.wait_caught_up(topic)
        self.assertGreater(self.sql("SELECT gaps FROM sluice.pointer")[0][0], 0)
        self.assertEqual(self.sql("SELECT id, name FROM item WHERE id < 50 AND name <> %s", f"round {number}"), [])
        self.assertEqual(self.sql("SELECT count(*) FROM item"), [(60,)])
        self.assertEqual(service.stop(), 0)

    def test_control_records_and_aborted_transactions_are_gaps(self):
        topic = self.topic("item")
        producer = self.kafka.producer(transactional_id=self.name)
        producer.init_transactions(30)
        for number in range(6):
            producer.begin_transaction()
            for key, value in records(number * 100, number * 100 + 20, f"transaction {number}"):
                producer.produce(topic, value=value, key=key, partition=0)
            producer.flush(30)
            if number % 2:
                producer.abort_transaction(30)
            else:
                producer.commit_transaction(30)
        readable = self.readable(topic)
        self.assertEqual(readable, 60)
        self.check_gaps(topic, readable)
        self.assertEqual(self.sql("SELECT count(*), count(*) FILTER (WHERE name LIKE '%%1' OR name LIKE '%%3') FROM item"),
                         [(60, 0)])


if __name__ == "__main__":
    main()
