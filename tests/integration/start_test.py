"""Where a partition without a pointer begins: kafka.start, decided once per topic, and regular expressions of topics; and a start
that has to wait for another instance's.
"""
import contextlib
import json

import psycopg2
import pytest
from confluent_kafka.admin import NewPartitions

from support.pipeline import encode, route
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
