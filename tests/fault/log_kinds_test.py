#!/usr/bin/python3
"""Logs that are more than a row of records: transactions, aborted ones among them, and compaction while the service is away.

--transactions N, --keys N: the size of each.
"""
import json
import pathlib
import random
import sys

from confluent_kafka import Producer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import ServiceCase, main  # noqa: E402
from support.waiting import wait_until  # noqa: E402


class LogKinds(ServiceCase):
    def sums(self, topic):
        """(offsets passed, applied + folded, gaps) of all partitions."""
        return self.sql("SELECT sum(next_offset - start_offset), sum(applied + folded), sum(gaps) FROM sluice.pointer"
                        " WHERE topic = %s", topic)[0]

    def test_only_committed_transactions_take_effect_and_pointers_reach_the_end(self):
        self.sql("CREATE TABLE witness (number bigint)")
        topic, partitions = self.topic("witness", 2), 2
        service = self.service(self.route(topic, "public.witness", None, mode="insert"),
                               rest="[batch]\nrows = 50\nadaptive = false").start()
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "transactional.id": self.name, "linger.ms": 0})
        producer.init_transactions(60)
        chance, committed, number, aborted = random.Random(self.options.seed), [], 0, 0
        for _ in range(self.options.transactions):
            producer.begin_transaction()
            numbers = range(number, number + chance.randrange(1, 30))
            number = numbers.stop
            for one in numbers:
                producer.produce(topic, json.dumps({"number": one}).encode(), partition=one % partitions)
            if chance.random() < 0.3:
                producer.flush(60)  # or the records would never have been in the log
                producer.abort_transaction(60)
                aborted += 1
            else:
                producer.commit_transaction(60)
                committed += numbers
        self.wait_caught_up(topic)
        self.assertEqual([row[0] for row in self.sql("SELECT number FROM witness ORDER BY 1")], committed)
        passed, applied, gaps = self.sums(topic)
        print(f"{self.options.transactions} transactions, {aborted} aborted, {passed} offsets, {gaps} without a record")
        self.assertGreater(aborted, 0)
        self.assertEqual((applied, gaps), (len(committed), passed - len(committed)))
        self.assertEqual(service.stop(), 0)

    def test_a_log_that_was_compacted_while_the_service_was_away_is_gone_on_with(self):
        self.sql("CREATE TABLE item (id bigint PRIMARY KEY, number bigint)")
        topic = self.topic("item", 1, cleanup_policy="compact", segment_ms=200, min_cleanable_dirty_ratio="0.01",
                           delete_retention_ms=600000)
        service = self.service(self.route(topic, "public.item")).start()
        model, keys = {}, self.options.keys

        def publish(rounds, first):
            for number in range(first, first + rounds):
                records = [(b"%d" % key, None if (key + number) % 5 == 0 else b'{"id": %d, "number": %d}' % (key, number))
                           for key in range(keys)]
                self.kafka.publish(topic, records, 0)
                model.update({key: None if (key + number) % 5 == 0 else number for key in range(keys)})

        publish(3, 0)
        self.wait_caught_up(topic)
        self.assertEqual(service.stop(), 0)
        before = self.kafka.ends(topic)[0]
        publish(6, 3)
        self.wait_compacted(topic, before)
        service.start()
        self.wait_caught_up(topic)
        self.assertEqual(dict(self.sql("SELECT id, number FROM item")), {k: n for k, n in model.items() if n is not None})
        passed, _, gaps = self.sums(topic)
        print(f"{passed} offsets, {gaps} of them removed by compaction")
        self.assertGreater(gaps, 0)
        self.assertEqual(service.stop(), 0)

    def wait_compacted(self, topic, before):
        """Until half of what lies behind `before` is gone. The last segment is never compacted: fillers close it."""
        def left():
            self.kafka.publish(topic, [(b"0", b'{"id": 0, "number": 8}')], 0)
            return sum(before <= offset < end for offset in self.kafka.readable(topic))
        end = self.kafka.ends(topic)[0]
        wait_until(lambda: left() < (end - before) / 2, lambda: f"{topic} is not compacted: {left()} left", 60, every=0.3)


if __name__ == "__main__":
    main(transactions=150, keys=500, seed=1)
