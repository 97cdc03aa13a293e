"""What stands in the table `pause` stands still: in every instance, over a restart, until it is taken out or expires."""
import time

import pytest

from support.pipeline import encode, route
from support.waiting import wait_until

PAUSE = "INSERT INTO sluice.pause (pipeline, target, reason, paused_by, expires_at) VALUES (%s, %s, 'vacuum', 'ann', {})"


class Feeds:
    """Two topics for two tables, `item` with two partitions; what is published goes into every partition."""

    def __init__(self, pipeline):
        self.pipeline, self.published = pipeline, 0
        pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
        pipeline.sql("CREATE TABLE other (id bigint PRIMARY KEY, name text)")
        self.item, self.other = pipeline.topic("item", 2), pipeline.topic("other")

    def publish(self, count=100):
        for topic, partition in ((self.item, 0), (self.item, 1), (self.other, 0)):
            ids = range(2 * self.published + partition, 2 * (self.published + count), 2)
            self.pipeline.kafka.publish(topic, [(b"%d" % n, encode({"id": n, "name": "n"})) for n in ids], partition=partition)
        self.published += count

    def started(self):
        """A service that has caught up with both."""
        self.publish()
        service = self.pipeline.service(route(self.item, "public.item") + route(self.other, "public.other")).start()
        self.pipeline.wait_caught_up(self.item, self.other)
        return service

    def pause(self, target, expires="NULL"):
        self.pipeline.sql(PAUSE.format(expires), self.pipeline.name, target)

    def check_stands(self, topic, partition=0):
        """Publishes more: the others take it, this one does not."""
        before = self.pipeline.pointers()[(topic, partition)]
        self.publish()
        self.pipeline.wait_caught_up(self.other if topic == self.item else self.item)
        assert self.pipeline.pointers()[(topic, partition)] == before


@pytest.fixture
def feeds(pipeline):
    return Feeds(pipeline)


def wait_lag(service, topic, records):
    """What piles up behind a pause is seen from outside."""
    def lags():
        return {name: value for name, value in service.metrics().items()
                if name.startswith("sluice_partition_lag_records") and f'"{topic}"' in name}
    wait_until(lambda: set(lags().values()) == {records}, lags)


def wait_lag_seconds(service, topic):
    """Both partitions of the topic wait since they were seen to, whatever time the records bear; nothing else does."""
    begun = time.monotonic()

    def waits():
        return {name: value for name, value in service.metrics().items() if name.startswith("sluice_partition_lag_seconds")}
    wait_until(lambda: all((1 if f'"{topic}"' in name else 0) <= value <= (time.monotonic() - begun + 60 if f'"{topic}"' in name else 0)
                           for name, value in waits().items()), waits)
    assert len(waits()) == 3


def test_a_paused_topic_stands_still_over_a_restart_until_the_pause_is_gone(pipeline, feeds):
    service, item = feeds.started(), feeds.item
    feeds.pause(item)
    for partition in (0, 1):
        reason = pipeline.wait_state(item, "paused", partition)
        assert "ann" in reason
        assert "vacuum" in reason
    feeds.check_stands(item)
    wait_lag(service, item, 100)
    wait_lag_seconds(service, item)
    assert service.stop() == 0
    service.start()
    feeds.check_stands(item)
    assert pipeline.state(item)[0] == "paused"
    pipeline.sql("DELETE FROM sluice.pause")
    pipeline.wait_caught_up(item, feeds.other)
    pipeline.wait_state(item, "ok")
    pipeline.wait_state(item, "ok", 1)
    assert pipeline.sql("SELECT count(*) FROM item") == [(2 * feeds.published,)]
    assert service.stop() == 0


def test_a_partition_can_be_paused_alone(pipeline, feeds):
    service = feeds.started()
    feeds.pause(f"{feeds.item}/1")
    pipeline.wait_state(feeds.item, "paused", 1)
    feeds.check_stands(feeds.item, 1)
    assert pipeline.state(feeds.item, 0)[0] == "ok"
    pipeline.sql("DELETE FROM sluice.pause")
    pipeline.wait_caught_up(feeds.item)
    assert service.stop() == 0


def test_a_paused_table_stops_the_topics_that_feed_it(pipeline, feeds):
    service = feeds.started()
    feeds.pause("table public.other")
    pipeline.wait_state(feeds.other, "paused")
    feeds.check_stands(feeds.other)
    assert pipeline.state(feeds.item)[0] == "ok"
    pipeline.sql("DELETE FROM sluice.pause")
    pipeline.wait_caught_up(feeds.other)
    assert service.stop() == 0


def test_a_pause_ends_by_itself_when_it_expires_and_the_audit_trail_says_so(pipeline, feeds):
    service = feeds.started()
    feeds.pause("all", "clock_timestamp() + interval '1 hour'")
    pipeline.wait_state(feeds.other, "paused")
    pipeline.sql("UPDATE sluice.pause SET expires_at = clock_timestamp() + interval '1 second'")
    feeds.publish()
    pipeline.wait_caught_up(feeds.item, feeds.other)
    assert pipeline.sql("SELECT count(*) FROM sluice.pause") == [(0,)]
    assert pipeline.sql("SELECT who, command, target, outcome FROM sluice.audit WHERE command <> 'start'") == [
        ("sluice", "expired", "all", "done")]
    assert service.stop() == 0


def test_a_pause_does_not_hide_what_else_stopped_a_partition(pipeline, feeds):
    service = pipeline.service(route(feeds.other, "public.other", on_error="stop"))
    service.expected = ["poison"]
    pipeline.kafka.publish(feeds.other, [(b"1", b'{"id": 1, "name"')])
    service.start(ready=False)
    pipeline.wait_state(feeds.other, "poison")
    feeds.pause("all")
    wait_until(lambda: service.metrics().get("sluice_pauses") == 1, service.tail)
    assert pipeline.state(feeds.other)[0] == "poison"
    assert service.stop() == 0


def test_a_pause_is_obeyed_and_taken_back_quickly(pipeline, feeds):
    service = feeds.started()
    began = time.monotonic()
    feeds.pause("all")
    pipeline.wait_state(feeds.other, "paused", seconds=60)
    paused = time.monotonic() - began
    began = time.monotonic()
    pipeline.sql("DELETE FROM sluice.pause")
    pipeline.wait_state(feeds.other, "ok", seconds=60)
    print(f"paused after {paused:.2f} s, resumed after {time.monotonic() - began:.2f} s")
    assert service.stop() == 0
