#!/usr/bin/python3
"""The network between the service and PostgreSQL at its worst: answers to COMMIT that never arrive, cuts at any byte, stalls.

--faults N: how many of each kind.
"""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fault.flow import Flow  # noqa: E402
from fault.proxy import Proxy  # noqa: E402
from support.case import ServiceCase, main  # noqa: E402
from support.waiting import wait_until  # noqa: E402


class ProxyFaults(ServiceCase):
    def setUp(self):
        super().setUp()
        seed = self.options.seed or random.randrange(10**6)
        print(f"seed {seed}")
        self.flow = Flow(self, seed)
        self.proxy = Proxy(self.postgres.port, seed=seed)
        self.addCleanup(self.proxy.close)
        self.one = self.service(self.flow.routes(), self.proxy.url(self.url), rest=self.flow.batches).start()
        self.flow.start()

    def again_and_again(self, arm):
        """Each fault waits until the service has got over the one before."""
        for _ in range(self.options.faults):
            self.flow.wait_progress()
            rule = arm()
            wait_until(rule.fired.is_set, lambda: f"nothing fired, counts {self.proxy.counts}\n{self.one.tail()}", 60)

    def check(self, kind, least=None):
        self.proxy.forget()
        self.flow.check()
        print(dict(self.proxy.counts), self.flow.summary())
        self.assertGreaterEqual(self.proxy.counts[kind], least or self.options.faults)
        self.assertEqual(self.one.stop(), 0)

    def test_a_commit_whose_answer_is_lost_takes_effect_once(self):
        self.again_and_again(lambda: self.proxy.swallow_commit(self.proxy.chance.randrange(1, 5), hold=0.05))
        self.check("swallow")

    def test_a_commit_that_is_cut_at_any_byte_takes_effect_once(self):
        self.again_and_again(lambda: self.proxy.cut_in_commit(self.proxy.chance.randrange(1, 5)))
        self.check("cut_in_commit")

    def test_a_connection_that_is_cut_at_any_byte_loses_and_repeats_nothing(self):
        self.again_and_again(self.proxy.cut)
        self.assertGreater(self.proxy.counts["in_transaction"], 0, "no cut hit an open transaction")
        self.check("cut")

    def test_a_stalled_or_refused_connection_is_waited_for(self):
        for seconds in (0.2, 1.0, 2.0):
            self.flow.wait_progress()
            self.proxy.stall(seconds)
            self.flow.wait_progress()
            self.proxy.refuse(seconds)
        self.flow.wait_progress()
        self.check("stall", 3)


if __name__ == "__main__":
    main(faults=15, seed=0)
