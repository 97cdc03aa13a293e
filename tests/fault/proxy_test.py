"""The network between the service and PostgreSQL at its worst: lost answers to COMMIT, cuts at any byte, stalls."""
import contextlib

import pytest

from fault.proxy import Proxy
from support.waiting import wait_until


class Wire:
    """A service that reaches PostgreSQL through a proxy, with a stream; each fault comes `rounds` times."""

    def __init__(self, pipeline, flow, proxy, rounds):
        self.flow, self.proxy, self.rounds = flow, proxy, rounds
        self.service = pipeline.service(flow.routes(), proxy.url(pipeline.url), rest=flow.batches).start()
        flow.start()

    def again_and_again(self, arm):
        """Each fault waits until the service has got over the one before."""
        for _ in range(self.rounds):
            self.flow.wait_progress()
            rule = arm()
            wait_until(rule.fired.is_set, lambda: f"nothing fired, counts {self.proxy.counts}\n{self.service.tail()}", 60)

    def check(self, kind, least=None):
        self.proxy.forget()
        self.flow.check()
        print(dict(self.proxy.counts), self.flow.summary())
        assert self.proxy.counts[kind] >= (least or self.rounds)
        assert self.service.stop() == 0


@pytest.fixture
def wire(pipeline, make_flow, option, seed):
    with contextlib.closing(Proxy(pipeline.postgres.port, seed=seed)) as proxy:
        yield Wire(pipeline, make_flow(), proxy, option("rounds", 15))


def test_a_commit_whose_answer_is_lost_takes_effect_once(wire):
    wire.again_and_again(lambda: wire.proxy.swallow_commit(wire.proxy.chance.randrange(1, 5), hold=0.05))
    wire.check("swallow")


def test_a_commit_that_is_cut_at_any_byte_takes_effect_once(wire):
    wire.again_and_again(lambda: wire.proxy.cut_in_commit(wire.proxy.chance.randrange(1, 5)))
    wire.check("cut_in_commit")


def test_a_connection_that_is_cut_at_any_byte_loses_and_repeats_nothing(wire):
    wire.again_and_again(wire.proxy.cut)
    for _ in range(5):  # which cut hits what is chance, and how much time transactions take
        if wire.proxy.counts["in_transaction"] == 0:
            wire.again_and_again(wire.proxy.cut)
    assert wire.proxy.counts["in_transaction"] > 0, "no cut hit an open transaction"
    wire.check("cut")


def test_a_stalled_or_refused_connection_is_waited_for(wire):
    for seconds in (0.2, 1.0, 2.0):
        wire.flow.wait_progress()
        wire.proxy.stall(seconds)
        wire.flow.wait_progress()
        wire.proxy.refuse(seconds)
    wire.flow.wait_progress()
    wire.check("stall", 3)
