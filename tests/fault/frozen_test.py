#!/usr/bin/python3
"""A process frozen in the middle of a transaction, its pointer row locked, does not hold up its successor; thawed, it is
fenced. Where PostgreSQL waits for the rest of a pipeline none of its own time-outs runs.
"""
import contextlib
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fault.flow import Flow  # noqa: E402
from support.case import ServiceCase, main  # noqa: E402
from support.waiting import Late, wait_until  # noqa: E402

TRIES = 8


class Frozen(ServiceCase):
    def test_a_successor_takes_over_from_a_process_frozen_within_a_transaction(self):
        seed = self.options.seed or random.randrange(10**6)
        print(f"seed {seed}")
        flow = Flow(self, seed, partitions=1, rate=1000)
        freezes = ",".join(f"after_advance:{20 * n}:stop" for n in range(1, TRIES + 1))
        frozen = self.service(flow.routes(), rest=flow.batches, SLUICE_FAULT=freezes).start(ready=False)
        flow.start()
        self.freeze_within_a_transaction(frozen)
        begin = time.monotonic()
        successor = self.service(flow.routes(), rest=flow.batches).start(ready=False)
        flow.wait_progress(seconds=90)
        print(f"progress {time.monotonic() - begin:.1f} s after the successor's start")
        frozen.signal(signal.SIGCONT)
        flow.wait_progress()
        flow.check()
        self.assertEqual([frozen.stop(), successor.stop()], [0, 0])

    def freeze_within_a_transaction(self, service):
        """What stands before a COPY may not be on its way yet when the process freezes; then it gets another chance."""
        for tried in range(1, TRIES + 1):
            wait_until(lambda: service.log().count("after_advance acts") == tried, service.tail)
            with contextlib.suppress(Late):
                return wait_until(self.holds_its_locks, "", 5)
            service.signal(signal.SIGCONT)
        raise AssertionError(f"no transaction is open that waits for its client: {self.backends()}\n{service.tail()}")

    def backends(self):
        return self.sql("""SELECT application_name, state, wait_event, xact_start IS NOT NULL, query FROM pg_stat_activity
                           WHERE application_name LIKE 'sluice/%'""")

    def holds_its_locks(self):
        return any(row[1:4] == ("active", "ClientRead", True) for row in self.backends())


if __name__ == "__main__":
    main(seed=0)
