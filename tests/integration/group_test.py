"""Several instances in one group: partitions are shared, handed over and taken from a frozen instance, exactly once."""
import signal

import pytest

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
