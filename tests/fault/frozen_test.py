#!/usr/bin/python3
"""A process frozen in the middle of a transaction, its pointer row locked, does not hold up its successor; thawed, it is
fenced. Where PostgreSQL waits for the rest of a pipeline none of its own time-outs runs.
"""
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fault.flow import Flow  # noqa: E402
from support.case import ServiceCase, main  # noqa: E402
from support.waiting import wait_until  # noqa: E402


class Frozen(ServiceCase):
    def test_a_successor_takes_over_from_a_process_frozen_within_a_transaction(self):
        seed = self.options.seed or random.randrange(10**6)
        print(f"seed {seed}")
        flow = Flow(self, seed, partitions=1, rate=1000)
        frozen = self.service(flow.routes(), rest=flow.batches, SLUICE_FAULT="after_advance:20:stop").start(ready=False)
        flow.start()
        wait_until(lambda: "after_advance acts" in frozen.log(), frozen.tail)
        wait_until(self.holds_its_locks, "no transaction is open that waits for its client")
        begin = time.monotonic()
        successor = self.service(flow.routes(), rest=flow.batches).start(ready=False)
        flow.wait_progress(seconds=90)
        print(f"progress {time.monotonic() - begin:.1f} s after the successor's start")
        frozen.signal(signal.SIGCONT)
        flow.wait_progress()
        flow.check()
        self.assertEqual([frozen.stop(), successor.stop()], [0, 0])

    def holds_its_locks(self):
        return self.sql("""SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%' AND xact_start IS NOT NULL
                           AND state = 'active' AND wait_event = 'ClientRead'""")[0][0]


if __name__ == "__main__":
    main(seed=0)
