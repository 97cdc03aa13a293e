"""Logs that are more than a row of records: transactions, aborted ones among them, and compaction while the service is away."""
import json
import random

from confluent_kafka import Producer

from support.pipeline import route
from support.waiting import wait_until


def sums(pipeline, topic):
    """(offsets passed, applied + folded, gaps) of all partitions."""
    return pipeline.sql("SELECT sum(next_offset - start_offset), sum(applied + folded), sum(gaps) FROM sluice.pointer"
                        " WHERE topic = %s", topic)[0]


def test_only_committed_transactions_take_effect_and_pointers_reach_the_end(pipeline, option):
    transactions = option("transactions", 150)
    pipeline.sql("CREATE TABLE witness (number bigint)")
    topic, partitions = pipeline.topic("witness", 2), 2
    service = pipeline.service(route(topic, "public.witness", [], mode="insert"),
                               rest="[batch]\nrows = 50\nadaptive = false").start()
    producer = Producer({"bootstrap.servers": pipeline.kafka.bootstrap, "transactional.id": pipeline.name, "linger.ms": 0})
    producer.init_transactions(60)
    chance, committed, number, aborted = random.Random(option("seed", 1)), [], 0, 0
    for _ in range(transactions):
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
    pipeline.wait_caught_up(topic)
    assert [row[0] for row in pipeline.sql("SELECT number FROM witness ORDER BY 1")] == committed
    passed, applied, gaps = sums(pipeline, topic)
    print(f"{transactions} transactions, {aborted} aborted, {passed} offsets, {gaps} without a record")
    assert aborted > 0
    assert (applied, gaps) == (len(committed), passed - len(committed))
    assert service.stop() == 0


def test_a_log_that_was_compacted_while_the_service_was_away_is_gone_on_with(pipeline, option):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, number bigint)")
    topic = pipeline.topic("item", 1, cleanup_policy="compact", segment_ms=200, min_cleanable_dirty_ratio="0.01",
                           delete_retention_ms=600000)
    service = pipeline.service(route(topic, "public.item")).start()
    model, keys = {}, option("keys", 500)

    def publish(rounds, first):
        for number in range(first, first + rounds):
            records = [(b"%d" % key, None if (key + number) % 5 == 0 else b'{"id": %d, "number": %d}' % (key, number))
                       for key in range(keys)]
            pipeline.kafka.publish(topic, records, 0)
            model.update({key: None if (key + number) % 5 == 0 else number for key in range(keys)})

    publish(3, 0)
    pipeline.wait_caught_up(topic)
    assert service.stop() == 0
    before = pipeline.kafka.ends(topic)[0]
    publish(6, 3)
    wait_compacted(pipeline, topic, before)
    service.start()
    pipeline.wait_caught_up(topic)
    assert dict(pipeline.sql("SELECT id, number FROM item")) == {k: n for k, n in model.items() if n is not None}
    passed, _, gaps = sums(pipeline, topic)
    print(f"{passed} offsets, {gaps} of them removed by compaction")
    assert gaps > 0
    assert service.stop() == 0


def wait_compacted(pipeline, topic, before):
    """Until half of what lies behind `before` is gone. The last segment is never compacted: fillers close it."""
    def left():
        pipeline.kafka.publish(topic, [(b"0", b'{"id": 0, "number": 8}')], 0)
        return sum(before <= offset < end for offset in pipeline.kafka.readable(topic))
    end = pipeline.kafka.ends(topic)[0]
    wait_until(lambda: left() < (end - before) / 2, lambda: f"{topic} is not compacted: {left()} left", 60, every=0.3)
