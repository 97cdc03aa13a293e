"""Several instances in one group: partitions are shared, handed over and taken from a frozen instance, exactly once."""
import collections
import signal
import time

import pytest

from support.pipeline import route
from support.waiting import wait_until
from support.witness import Witness

PARTITIONS = 6


@pytest.fixture
def witness(pipeline):
    stream = Witness(pipeline, PARTITIONS)
    yield stream
    stream.finish()


def instance(pipeline, witness, strategy):
    return pipeline.service(witness.route(), kafka=f'strategy = "{strategy}"')


def owners(pipeline):
    """Owner of each partition that has one."""
    if not pipeline.pointers():
        return {}
    return dict(pipeline.sql("SELECT partition, owner FROM sluice.pointer WHERE owner IS NOT NULL"))


def wait_owners(pipeline, count):
    """Until every partition has an owner, and there are so many of them; returns the owners."""
    def found():
        return len(owners(pipeline)) == PARTITIONS and len(set(owners(pipeline).values())) == count
    wait_until(found, lambda: f"{count} owners of {PARTITIONS} partitions, found {owners(pipeline)}\n{pipeline.logs(2500)}", 120)
    return set(owners(pipeline).values())


@pytest.mark.parametrize("strategy", ["range", "cooperative-sticky"])
def test_instances_share_leave_and_join(pipeline, witness, strategy):
    first, second = instance(pipeline, witness, strategy).start(), instance(pipeline, witness, strategy)
    witness.start()
    one = wait_owners(pipeline, 1)
    second.start()
    wait_owners(pipeline, 2)
    assert first.stop() == 0
    wait_until(lambda: len(owners(pipeline)) == PARTITIONS and one.isdisjoint(owners(pipeline).values()),
               lambda: f"{one} should own nothing: {owners(pipeline)}\n{second.tail()}", 120)
    wait_owners(pipeline, 1)
    third = instance(pipeline, witness, strategy).start()
    wait_owners(pipeline, 2)
    witness.check()
    assert (second.stop(), third.stop()) == (0, 0)


def test_who_has_less_than_before_or_nothing_is_inside_the_group(pipeline):
    topic, session = pipeline.topic("shares", 2), 1000
    pipeline.sql("CREATE TABLE public.shares (id int PRIMARY KEY)")
    kafka, properties = 'strategy = "cooperative-sticky"', '"heartbeat.interval.ms" = "200"'
    every = []
    for shares in ([2], [1, 1], [1, 1]):  # of the last three, one has nothing
        every.append(pipeline.service(route(topic, "public.shares"), kafka=kafka, properties=properties, session=session).start())
        wait_until(lambda wanted=shares: sorted(collections.Counter(owners(pipeline).values()).values()) == wanted,
                   lambda: f"{owners(pipeline)}\n{pipeline.logs(2500)}")
        wait_until(lambda: all(one.metrics()["sluice_ready"] == 1 for one in every), lambda: pipeline.logs(2500))
        until = time.monotonic() + 3 * session / 1000  # after two of them a member counts as outside
        while time.monotonic() < until:
            assert [one.metrics()["sluice_outside_group_seconds"] for one in every] == [0] * len(every), pipeline.logs(2500)
            assert [one.metrics()["sluice_ready"] for one in every] == [1] * len(every)
            time.sleep(0.1)
    assert [one.stop() for one in every] == [0] * len(every)


def test_a_frozen_instance_that_thaws_is_fenced(pipeline, witness):
    first, second = instance(pipeline, witness, "range").start(), instance(pipeline, witness, "range")
    witness.start()
    wait_owners(pipeline, 1)
    second.start()
    both = wait_owners(pipeline, 2)
    first.signal(signal.SIGSTOP)
    try:
        assert wait_owners(pipeline, 1) < both  # after the session timeout the other one has everything
    finally:
        first.signal(signal.SIGCONT)
    wait_owners(pipeline, 2)  # it comes back as a new member, and under new claims
    witness.check()
    assert (first.stop(), second.stop()) == (0, 0)
