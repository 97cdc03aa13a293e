"""A topic is deleted, or deleted and made anew, while its partitions stream."""
import time

import pytest

from support.pipeline import encode, route
from support.waiting import wait_until

STOP_SECONDS = 15  # of the systemd unit's 45, most belongs to PostgreSQL


def publish(pipeline, topic, first, last, name="name"):
    pipeline.kafka.publish(topic, [(b"%d" % n, encode({"id": n, "name": name})) for n in range(first, last)])


@pytest.fixture
def two(pipeline):
    """Two topics that stream."""
    topics = [pipeline.topic("gone", 2), pipeline.topic("stays")]
    for topic, table in zip(topics, ("gone", "stays")):
        pipeline.sql(f"CREATE TABLE {table} (id bigint PRIMARY KEY, name text)")
        publish(pipeline, topic, 0, 100)
    service = pipeline.service("".join(route(topic, f"public.{table}") for topic, table in zip(topics, ("gone", "stays"))))
    service.start()
    pipeline.wait_caught_up(*topics)
    return service, *topics


def test_a_deleted_topic_is_missing_the_others_go_on_and_the_service_stops_in_time(pipeline, two):
    service, gone, stays = two
    service.expected = ["topic_missing"]
    pipeline.kafka.delete_topic(gone)
    begun = time.monotonic()
    reason = pipeline.wait_state(gone, "topic_missing")
    pipeline.wait_state(gone, "topic_missing", partition=1)
    print(f"noticed after {time.monotonic() - begun:.1f} s: {reason}")
    publish(pipeline, stays, 100, 200)
    pipeline.wait_caught_up(stays)
    begun = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - begun < STOP_SECONDS, service.tail()
