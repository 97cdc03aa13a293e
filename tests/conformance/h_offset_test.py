"""H: offsets, restarts, replays. What needs kills, other instances or a broken network is in tests/integration and tests/fault;
docs/conformance.md says where."""
import pytest
from confluent_kafka import Consumer, TopicPartition

from support.conformance import change
from support.pipeline import encode, route
from support.waiting import wait_until


@pytest.fixture
def numbers(pipeline):
    pipeline.sql("CREATE TABLE t (id int PRIMARY KEY, v int)")
    return pipeline.topic("numbers")


def publish(pipeline, topic, *pairs):
    pipeline.kafka.publish(topic, [(b"%d" % number, encode({"id": number, "v": v})) for number, v in pairs])


def inserting(topic):
    return route(topic, "public.t", mode="insert")  # a repeat would be a letter


def test_H01_what_came_while_it_was_away_is_applied_once(pipeline, numbers):
    publish(pipeline, numbers, *[(n, n) for n in range(5)])
    assert pipeline.service(inserting(numbers)).start().stop() == 0
    publish(pipeline, numbers, *[(n, n) for n in range(5, 10)])
    pipeline.service(inserting(numbers)).start()
    pipeline.wait_caught_up(numbers)
    assert pipeline.sql("SELECT count(*), sum(v) FROM t") == [(10, 45)]
    assert pipeline.dead_letters() == {}


def test_H06_H07_H22_a_range_that_is_committed_is_not_applied_again(pipeline, numbers):
    """Whatever the group has committed in Kafka, and whatever the row has become meanwhile."""
    publish(pipeline, numbers, *[(n, n) for n in range(10)])
    service = pipeline.service(inserting(numbers)).start()
    pipeline.wait_caught_up(numbers)
    assert service.stop() == 0
    pipeline.sql("UPDATE t SET v = 100 WHERE id = 5")
    group = Consumer({"bootstrap.servers": pipeline.kafka.bootstrap, "group.id": pipeline.name, "enable.auto.commit": False})
    group.commit(offsets=[TopicPartition(numbers, 0, 3)], asynchronous=False)
    group.close()
    publish(pipeline, numbers, (10, 10))
    pipeline.service(inserting(numbers)).start()
    pipeline.wait_caught_up(numbers)
    assert pipeline.sql("SELECT count(*), max(v) FROM t") == [(11, 100)]
    assert pipeline.dead_letters() == {}


def test_H18_D07_a_pointer_that_is_set_by_hand_counts(pipeline, numbers):
    service = pipeline.service(inserting(numbers)).start()
    wait_until(lambda: (numbers, 0) in pipeline.pointers(), pipeline.logs)
    assert service.stop() == 0
    publish(pipeline, numbers, *[(n, n) for n in range(1, 11)])
    pipeline.sql("UPDATE sluice.pointer SET start_offset = 3, next_offset = 3 WHERE topic = %s", numbers)
    pipeline.service(inserting(numbers)).start()
    pipeline.wait_caught_up(numbers)
    publish(pipeline, numbers, *[(n, n) for n in range(11, 16)])
    pipeline.wait_caught_up(numbers)
    assert pipeline.sql("SELECT count(*), min(id), max(id) FROM t") == [(12, 4, 15)]


def test_H27_H28_H30_idle_moves_nothing_and_few_rows_appear_at_once(pipeline, numbers):
    pipeline.sql("CREATE TABLE busy (id int PRIMARY KEY, v int)")
    busy = pipeline.topic("busy")
    pipeline.service(inserting(numbers) + route(busy, "public.busy"), rest='[batch]\nlinger = "20ms"').start()
    wait_until(lambda: (numbers, 0) in pipeline.pointers(), pipeline.logs)
    assert pipeline.pointers()[(numbers, 0)] == 0
    before = pipeline.sql("SELECT epoch, updated_at FROM sluice.pointer WHERE topic = %s", numbers)
    publish(pipeline, numbers, (1, 1))
    wait_until(lambda: pipeline.sql("SELECT count(*) FROM t") == [(1,)], pipeline.logs)
    after = pipeline.sql("SELECT epoch, updated_at FROM sluice.pointer WHERE topic = %s", numbers)
    assert after[0][0] == before[0][0] and after[0][1] > before[0][1]
    for number in range(3):  # the other topic's pointer moves, the idle one's does not
        publish(pipeline, busy, (number, number))
        pipeline.wait_caught_up(busy)
    assert pipeline.sql("SELECT epoch, updated_at FROM sluice.pointer WHERE topic = %s", numbers) == after


def test_H31_writes_deletes_and_truncates_are_counted(pipeline):
    pipeline.sql("CREATE TABLE t (id int PRIMARY KEY, v int)")
    topic = pipeline.topic("counted")
    service = pipeline.service(route(topic, "public.t", truncate="apply")).start()
    pipeline.kafka.publish(topic, [(b"1", b'{"v": 1}'), (b"2", b'{"v": 1}'), (b"2", b'{"v": 2}'), (b"1", None), (b"3", b"no json"),
                                   (None, encode(change("t"))), (b"4", b'{"v": 4}')])
    pipeline.wait_caught_up(topic)
    assert service.stop() == 0
    applied, folded, skipped, dead = pipeline.sql("SELECT applied, folded, skipped, dead FROM sluice.pointer WHERE topic = %s", topic)[0]
    assert (applied + folded, skipped, dead) == (6, 0, 1)
    assert pipeline.sql("SELECT * FROM t") == [(4, 4)]


def test_I06_two_topics_whose_names_meet_beyond_63_bytes_are_refused(pipeline):
    long = "t" * 70
    service = pipeline.service(route("^" + "t" * 70 + ".*", "public.{topic}"))
    topics = [pipeline.kafka.create_topic(f"{long}{pipeline.name}{n}") for n in (1, 2)]
    pipeline.kafka.publish(topics[0], [(b"1", b'{"id": 1}')])
    service.expected = ["state", "longer"]
    service.start(ready=False)
    assert "63 bytes" in pipeline.wait_state(topics[0], "schema")
    assert pipeline.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'ttt%'") == [(0,)]


def test_I07_ten_thousand_rows_of_1600_columns_have_no_parameter_error(pipeline):
    pipeline.sql("DO $$ BEGIN EXECUTE 'CREATE TABLE t (id int PRIMARY KEY, ' || (SELECT string_agg('c' || n || ' boolean', ',') "
                 "FROM generate_series(1, 1599) n) || ')'; END $$")
    topic = pipeline.topic("wide")
    tail = ", ".join(f'"c{n}": true' for n in range(1, 1600))
    pipeline.kafka.publish(topic, [(b"%d" % n, f'{{"id": {n}, {tail}}}'.encode()) for n in range(10000)],
                           producer=pipeline.kafka.producer(queue_buffering_max_kbytes=1 << 20, compression_type="lz4"))
    pipeline.service(route(topic, "public.t"), rest='[batch]\nrows = 10000\nadaptive = false\nbytes = "256MiB"').start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT count(*), count(*) FILTER (WHERE c1599) FROM t") == [(10000, 10000)]
