"""The log itself misbehaves: records gone below the pointer, a topic created anew, offsets without records."""
import pytest

from support.pipeline import encode, route
from support.waiting import wait_until

TABLE = "CREATE TABLE item (id bigint PRIMARY KEY, name text)"


def records(first, last, name="name"):
    return [(b"%d" % n, encode({"id": n, "name": name})) for n in range(first, last)]


@pytest.fixture(autouse=True)
def table(pipeline):
    pipeline.sql(TABLE)


def consumed(pipeline, count):
    """A topic of which `count` records have taken effect; the service is stopped."""
    topic = pipeline.topic("item")
    pipeline.kafka.publish(topic, records(0, count))
    service = pipeline.service(route(topic, "public.item")).start()
    pipeline.wait_caught_up(topic)
    assert service.stop() == 0
    return topic, service


def check_stops(pipeline, topic, service, state, next_offset):
    before = pipeline.sql("SELECT id, name FROM item ORDER BY id")
    service.expected = [state]
    service.start(ready=False)
    assert pipeline.wait_state(topic, state)
    pipeline.kafka.publish(topic, records(5000, 5010, "later"))
    assert service.stop() == 0
    assert pipeline.pointers()[(topic, 0)] == next_offset, "nothing is skipped or reset silently"
    assert pipeline.sql("SELECT id, name FROM item ORDER BY id") == before


def test_records_deleted_above_the_pointer_are_lost_data(pipeline):
    topic, service = consumed(pipeline, 100)
    pipeline.kafka.publish(topic, records(100, 200))
    pipeline.kafka.delete_records(topic, 0, 150)
    check_stops(pipeline, topic, service, "lost_data", 100)


def test_a_topic_created_anew_and_shorter_has_shrunk(pipeline):
    topic, service = consumed(pipeline, 100)
    pipeline.kafka.delete_topic(topic)
    pipeline.kafka.create_topic(topic)
    pipeline.kafka.publish(topic, records(0, 10, "other"))
    check_stops(pipeline, topic, service, "log_shrunk", 100)


def test_a_topic_created_anew_and_longer_has_changed(pipeline):
    topic, service = consumed(pipeline, 100)
    pipeline.kafka.delete_topic(topic)
    pipeline.kafka.create_topic(topic)
    pipeline.kafka.publish(topic, records(0, 500, "other"))
    check_stops(pipeline, topic, service, "log_changed", 100)


def test_a_topic_deleted_up_to_the_pointer_goes_on(pipeline):
    topic, service = consumed(pipeline, 100)
    pipeline.kafka.delete_records(topic, 0, 100)  # the anchor record is gone, nothing unread is
    pipeline.kafka.publish(topic, records(100, 150))
    service.start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT count(*) FROM item") == [(150,)]
    assert service.stop() == 0


def readable(pipeline, topic):
    """How many records a reader finds."""
    return len(pipeline.kafka.readable(topic))


def check_gaps(pipeline, topic, count):
    end = pipeline.kafka.ends(topic)[0]
    assert end > count, "the log has no gaps"
    service = pipeline.service(route(topic, "public.item")).start()
    pipeline.wait_caught_up(topic)
    gaps, counted = pipeline.sql("SELECT gaps, applied + folded + skipped + dead FROM sluice.pointer")[0]
    assert (gaps, counted) == (end - count, count)
    assert service.stop() == 0


def test_gaps_from_compaction_are_counted(pipeline):
    topic = pipeline.topic("item", cleanup_policy="compact", segment_ms=200, min_cleanable_dirty_ratio=0.001,
                           min_compaction_lag_ms=0, delete_retention_ms=0)
    number = 0

    def compacted():
        # A new segment begins with a later write, and only closed ones are compacted.
        nonlocal number
        number += 1
        pipeline.kafka.publish(topic, records(0, 50, f"round {number}"), producer=producer)
        return readable(pipeline, topic) < pipeline.kafka.ends(topic)[0]

    producer = pipeline.kafka.producer()
    wait_until(compacted, "the broker does not compact", 60, every=0.3)
    # The end of the log may fall into what is compacted meanwhile: close with a segment of its own.
    pipeline.kafka.publish(topic, records(100, 110), producer=producer)
    seen = None
    while seen != (seen := readable(pipeline, topic)):
        pass
    service = pipeline.service(route(topic, "public.item")).start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT gaps FROM sluice.pointer")[0][0] > 0
    assert pipeline.sql("SELECT id, name FROM item WHERE id < 50 AND name <> %s", f"round {number}") == []
    assert pipeline.sql("SELECT count(*) FROM item") == [(60,)]
    assert service.stop() == 0


def test_control_records_and_aborted_transactions_are_gaps(pipeline):
    topic = pipeline.topic("item")
    producer = pipeline.kafka.producer(transactional_id=pipeline.name)
    producer.init_transactions(60)
    for number in range(6):
        producer.begin_transaction()
        for key, value in records(number * 100, number * 100 + 20, f"transaction {number}"):
            producer.produce(topic, value=value, key=key, partition=0)
        producer.flush(60)
        if number % 2:
            producer.abort_transaction(60)
        else:
            producer.commit_transaction(60)
    assert readable(pipeline, topic) == 60
    check_gaps(pipeline, topic, 60)
    assert pipeline.sql("SELECT count(*), count(*) FILTER (WHERE name LIKE '%%1' OR name LIKE '%%3') FROM item") == [(60, 0)]
