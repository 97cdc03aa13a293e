"""Where a partition without a pointer begins: kafka.start, decided once per topic, and regular expressions of topics; and a start
that has to wait for another instance's.
"""
import contextlib
import json

import psycopg2
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import NewPartitions

from support.pipeline import encode, route
from support.sluice import run
from support.waiting import wait_until

MIGRATION_LOCK = 7235391142  # sink/table_catalogue.cc: who has it prepares the schema, the others wait


@pytest.fixture
def item(pipeline):
    """The topic of the table `item`, with two partitions."""
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    return pipeline.topic("item", 2)


def publish(pipeline, topic, *ids, partition=0):
    pipeline.kafka.publish(topic, [(b"%d" % n, encode({"id": n, "name": f"n{n}"})) for n in ids], partition)


def ids(pipeline):
    return [row[0] for row in pipeline.sql("SELECT id FROM item ORDER BY id")]


def wait_ids(pipeline, *wanted, seconds=60):
    wait_until(lambda: ids(pipeline) == list(wanted),
               lambda: f"{ids(pipeline)}\n{pipeline.logs()}", seconds)


def test_latest_reads_what_comes_from_now_on_and_a_partition_added_later_from_its_beginning(pipeline, item):
    publish(pipeline, item, 1, 2)
    service = pipeline.service(route(item, "public.item"), kafka='start = "latest"',
                               properties='"topic.metadata.refresh.interval.ms" = "1000"').start()
    assert pipeline.pointers() == {(item, 0): 2, (item, 1): 0}
    publish(pipeline, item, 3)
    wait_ids(pipeline, 3)
    assert service.stop() == 0
    pipeline.kafka.admin.create_partitions([NewPartitions(item, 3)])[item].result(60)
    publish(pipeline, item, 4, 5, partition=2)
    pipeline.service(route(item, "public.item"), kafka='start = "latest"').start()
    wait_ids(pipeline, 3, 4, 5)
    assert service.stop() == 0


def test_a_topic_that_a_pattern_finds_later_is_read_from_its_beginning_also_under_latest(pipeline, item):
    pattern = rf"^{pipeline.name}\.late_(?:\d+)$"
    service = pipeline.service(f'[[route]]\ntopics = [{json.dumps(pattern)}]\ntable = "public.item"\nkey = ["id"]\n',
                               kafka='start = "latest"').start()
    assert f"no topic matches {pattern} yet" in service.log()
    wait_until(lambda: "ready: 0 partitions" in service.log(), service.log)
    late = pipeline.topic("late_1")
    pipeline.topic("late_d")
    publish(pipeline, late, 11, 12)
    wait_ids(pipeline, 11, 12)
    assert pipeline.pointers() == {(late, 0): 2}
    assert service.stop() == 0


class Group:
    """What another sink does: a consumer that reads and commits."""

    def __init__(self, pipeline, name):
        self.consumer = Consumer({"bootstrap.servers": pipeline.kafka.bootstrap, "group.id": name, "enable.auto.commit": False,
                                  "auto.offset.reset": "earliest"})

    def read(self, topic, partitions):
        """As a member, until there is something of each of the partitions."""
        self.consumer.subscribe([topic])
        seen = set()

        def reads():
            seen.update(message.partition() for message in self.consumer.consume(100, 0.2) if not message.error())
            return partitions <= seen

        wait_until(reads, "the group's first records", 60)

    def commit(self, topic, offsets):
        self.consumer.commit(offsets=[TopicPartition(topic, *one) for one in offsets.items()], asynchronous=False)

    def close(self):
        self.consumer.close()


def test_a_take_over_waits_for_the_group_to_leave_and_goes_on_where_it_committed_once(pipeline):
    """A log of rows without a key, so that what is applied twice is there twice."""
    pipeline.sql("CREATE TABLE item (id bigint NOT NULL, name text)")
    item = pipeline.topic("item", 4)
    for partition in range(4):
        publish(pipeline, item, *range(partition * 100, partition * 100 + 50), partition=partition)
    name = f"connect-{pipeline.name}"
    routes = route(item, "public.item", [], mode="insert")
    service = pipeline.service(routes, kafka=f'start = "group:{name}"',
                               properties='"topic.metadata.refresh.interval.ms" = "1000"')
    service.expected = ["not claimed yet: there is no consumer group", "not claimed yet: the consumer group"]
    none = run("check", "--config", service.config, "--connect")
    assert none.returncode == 1 and f"error: kafka: there is no consumer group {name} to take over from" in none.stderr, none
    service.start(ready=False)
    wait_until(lambda: f"there is no consumer group {name} to take over from" in service.log(), service.tail, 60)
    old = Group(pipeline, name)
    old.read(item, {0, 1, 2, 3})
    old.commit(item, {0: 20, 1: 50, 2: 1})
    wait_until(lambda: f"the consumer group {name} has a member and is still committing" in service.log(), service.tail, 60)
    used = run("check", "--config", service.config, "--connect")
    assert used.returncode == 1 and f"error: kafka: the consumer group {name} has a member" in used.stderr, used
    old.commit(item, {0: 30})
    assert pipeline.pointers() == {} and pipeline.sql("SELECT count(*) FROM item") == [(0,)]
    old.close()
    wanted = [*range(30, 50), *range(201, 250), *range(300, 350)]
    wait_ids(pipeline, *wanted)
    assert dict(pipeline.sql("SELECT partition, start_offset FROM sluice.pointer")) == {0: 30, 1: 50, 2: 1, 3: 0}
    assert service.stop() == 0

    again = Group(pipeline, name)
    again.commit(item, {0: 0, 1: 0, 2: 0, 3: 0})
    again.close()
    pipeline.kafka.admin.create_partitions([NewPartitions(item, 5)])[item].result(60)
    publish(pipeline, item, 1000, 1001, partition=4)
    publish(pipeline, item, 999, partition=0)
    service = pipeline.service(routes, kafka=f'start = "group:{name}-gone"').start()
    wait_ids(pipeline, *wanted, 999, 1000, 1001)
    done = run("check", "--config", service.config, "--connect")
    assert done.returncode == 0 and "every topic has its pointers" in done.stdout, done
    assert service.stop() == 0


def test_a_position_that_the_log_does_not_hold_stops_its_partition_until_somebody_decides(pipeline):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    item = pipeline.topic("item", 3)
    for partition in range(3):
        publish(pipeline, item, *range(partition * 100, partition * 100 + 10), partition=partition)
    pipeline.kafka.delete_records(item, 0, 5)
    group = Group(pipeline, f"connect-{pipeline.name}")
    group.commit(item, {0: 2, 1: 12, 2: 7})
    group.close()
    service = pipeline.service(route(item, "public.item"), kafka=f'start = "group:connect-{pipeline.name}"')
    service.expected = ["stopped in state lost_data", "stopped in state log_shrunk"]
    plan = run("check", "--config", service.config, "--connect")
    assert plan.returncode == 0 and f"  {item}  3 of 3 partitions where it has committed" in plan.stdout, plan
    service.start(ready=False)
    assert "3 offsets were removed before they were read" in pipeline.wait_state(item, "lost_data", 0)
    assert "the log ends at 10" in pipeline.wait_state(item, "log_shrunk", 1)
    wait_ids(pipeline, 207, 208, 209)
    assert service.stop() == 0


def test_stop_waits_for_a_pointer_that_an_operator_writes(pipeline, item):
    publish(pipeline, item, 1, 2, 3)
    service = pipeline.service(route(item, "public.item"), kafka='start = "stop"')
    service.expected = ["has no pointer"]
    service.start(ready=False)
    wait_until(lambda: "has no pointer" in service.log(), service.log, 60)
    assert ids(pipeline) == []
    pipeline.sql("INSERT INTO sluice.pointer (pipeline, topic, partition, start_offset, next_offset) "
                 "VALUES (%s, %s, 0, 1, 1)", pipeline.name, item)
    wait_ids(pipeline, 2, 3)
    assert service.stop() == 0


def test_a_regular_expression_finds_its_topics_and_names_their_tables(pipeline, item):
    pipeline.sql("CREATE TABLE other (id bigint PRIMARY KEY, name text)")
    other = pipeline.topic("other")
    publish(pipeline, item, 1)
    publish(pipeline, other, 7)
    pattern = f"^{pipeline.name}[.](.*)$"
    pipeline.service(f'[[route]]\ntopics = [{json.dumps(pattern)}]\ntable = "public.{{1}}"\nkey = ["id"]\n').start()
    pipeline.wait_caught_up(item, other)
    assert ids(pipeline) == [1]
    assert pipeline.sql("SELECT id FROM other") == [(7,)]


def test_a_start_that_waits_for_another_instances_migration_ends_at_once_when_it_is_told_to(broker, database, services):
    database.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    service = services(route(broker.create_topic(f"{database.name}.item"), "public.item"))
    waiting = "SELECT 1 FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE datname = current_database() AND NOT granted"
    with contextlib.closing(psycopg2.connect(database.url, connect_timeout=60)) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        service.start(ready=False)
        wait_until(lambda: database.sql(waiting), service.tail)
        assert service.get("/healthz")[0] == 200
        assert service.stop(20) == 0  # PostgreSQL's answer is waited for longer
        wait_until(lambda: not database.sql(waiting), "the end of the statement in PostgreSQL")
    assert database.sql("SELECT to_regclass('sluice.pointer')") == [(None,)]
    service.start()
    assert service.stop() == 0
