#!/usr/bin/python3
"""Two instances that both believe to own everything, for good: one pipeline, two groups.

Each takes the pointers from the other as soon as it is fenced itself, and still nothing is lost, repeated or out of order,
and the stream goes on. --seconds N: how long they fight.
"""
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fault.flow import Flow  # noqa: E402
from support.case import ServiceCase, main  # noqa: E402
from support.waiting import wait_until  # noqa: E402


class SplitBrain(ServiceCase):
    def test_two_owners_of_everything_fight_without_harm_and_without_standstill(self):
        seed = self.options.seed or random.randrange(10**6)
        print(f"seed {seed}")
        flow = Flow(self, seed)
        rivals = [self.service(flow.routes(), group=f"{self.name}.{side}", rest=flow.batches).start(ready=False)
                  for side in ("left", "right")]
        flow.start()
        progress, begin = [], time.monotonic()
        while time.monotonic() - begin < self.options.seconds:
            progress.append(flow.wait_progress())
        fenced = [self.fenced(one) for one in rivals]
        epochs = self.sql("SELECT max(epoch) FROM sluice.pointer")[0][0]
        flow.check()
        print(f"{flow.summary()}, fenced {fenced}, up to {epochs} claims of a partition, longest standstill {max(progress):.2f} s")
        self.assertTrue(all(fenced), "both were fenced by the other")
        self.assertEqual([one.stop() for one in rivals], [0, 0])

    def fenced(self, one):
        wait_until(lambda: one.get("/metrics")[0] == 200, one.tail)
        return int(sum(value for name, value in one.metrics().items() if name.startswith("sluice_lane_fenced_total")))


if __name__ == "__main__":
    main(seconds=20, seed=0)
