#!/usr/bin/python3
"""Where a partition without a pointer begins: kafka.start, decided once per topic, and regular expressions of topics."""
import json
import pathlib
import sys

from confluent_kafka.admin import NewPartitions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import ServiceCase, encode, main  # noqa: E402
from support.waiting import wait_until  # noqa: E402


class Start(ServiceCase):
    def setUp(self):
        super().setUp()
        self.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
        self.item = self.topic("item", 2)

    def publish(self, *ids, partition=0, topic=None):
        self.kafka.publish(topic or self.item, [(b"%d" % n, encode({"id": n, "name": f"n{n}"})) for n in ids], partition)

    def ids(self):
        return [row[0] for row in self.sql("SELECT id FROM item ORDER BY id")]

    def wait_ids(self, *wanted, seconds=60):
        wait_until(lambda: self.ids() == list(wanted),
                   lambda: f"{self.ids()}\n" + "\n".join(one.tail(2000) for one in self.services), seconds)

    def test_latest_reads_what_comes_from_now_on_and_a_partition_added_later_from_its_beginning(self):
        self.publish(1, 2)
        service = self.service(self.route(self.item, "public.item"), kafka='start = "latest"',
                               properties='"topic.metadata.refresh.interval.ms" = "1000"').start()
        self.assertEqual(self.pointers(), {(self.item, 0): 2, (self.item, 1): 0})
        self.publish(3)
        self.wait_ids(3)
        self.assertEqual(service.stop(), 0)
        self.kafka.admin.create_partitions([NewPartitions(self.item, 3)])[self.item].result(30)
        self.publish(4, 5, partition=2)
        self.service(self.route(self.item, "public.item"), kafka='start = "latest"').start()
        self.wait_ids(3, 4, 5)
        self.assertEqual(service.stop(), 0)

    def test_stop_waits_for_a_pointer_that_an_operator_writes(self):
        self.publish(1, 2, 3)
        service = self.service(self.route(self.item, "public.item"), kafka='start = "stop"')
        service.expected = ["has no pointer"]
        service.start(ready=False)
        wait_until(lambda: "has no pointer" in service.log(), service.log, 60)
        self.assertEqual(self.ids(), [])
        self.sql("INSERT INTO sluice.pointer (pipeline, topic, partition, start_offset, next_offset) "
                 "VALUES (%s, %s, 0, 1, 1)", self.name, self.item)
        self.wait_ids(2, 3)
        self.assertEqual(service.stop(), 0)

    def test_a_regular_expression_finds_its_topics_and_names_their_tables(self):
        self.sql("CREATE TABLE other (id bigint PRIMARY KEY, name text)")
        other = self.topic("other")
        self.publish(1)
        self.publish(7, topic=other)
        pattern = f"^{self.name}[.](.*)$"
        self.service(f'[[route]]\ntopics = [{json.dumps(pattern)}]\ntable = "public.{{1}}"\nkey = ["id"]\n').start()
        self.wait_caught_up(self.item, other)
        self.assertEqual(self.ids(), [1])
        self.assertEqual(self.sql("SELECT id FROM other"), [(7,)])

    def test_ready_without_a_topic_yet_and_reads_one_that_appears_from_its_beginning(self):
        pattern = rf"^{self.name}\.late_(?:\d+)$"
        service = self.service(f'[[route]]\ntopics = [{json.dumps(pattern)}]\ntable = "public.item"\nkey = ["id"]\n').start()
        self.assertIn(f"no topic matches {pattern} yet", service.log())
        wait_until(lambda: "ready: 0 partitions" in service.log(), service.log, 20)
        late = self.topic("late_1")
        self.topic("late_d")
        self.publish(11, 12, topic=late)
        self.wait_ids(11, 12)
        self.assertEqual(self.pointers(), {(late, 0): 2})


if __name__ == "__main__":
    main()
