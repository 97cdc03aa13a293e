#!/usr/bin/python3
"""PostgreSQL stays away while events go on coming in: memory stays flat, the group stays as it is, work goes on at once.

--seconds N: how long it is away. --rate N: records a second. --json FILE: where to leave the figures.
"""
import json
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fault.flow import Flow  # noqa: E402
from support.case import ServiceCase, main  # noqa: E402

GROWTH_AT_MOST = 64  # MB
REBALANCE = re.compile(r"assigned|taken away|revoked")


class Away(ServiceCase):
    def test_postgresql_away_costs_neither_memory_nor_membership(self):
        flow = Flow(self, 1, rate=self.options.rate, keys=5000)
        service = self.service(flow.routes()).start()
        flow.start()
        for _ in range(20):
            flow.wait_progress()
        begin, curve, log_before = time.monotonic(), [], len(service.log())
        self.postgres.stop("immediate")
        while (passed := time.monotonic() - begin) < self.options.seconds:
            curve.append((round(passed, 1), self.resident(service)))
            self.assertTrue(service.running(), service.tail())
            self.assertEqual(service.get("/healthz")[0], 200, "waiting on purpose is healthy")
            flow.enough.wait(min(1, self.options.seconds / 15))
        produced_while_away = flow.produced
        self.postgres.start()
        returned = flow.wait_progress()
        caught_up = time.monotonic()
        flow.check(seconds=300)
        caught_up = time.monotonic() - caught_up
        after = self.resident(service)
        meanwhile = service.log()[log_before:]
        self.tell(curve, returned, caught_up, after, produced_while_away)
        self.assertEqual([line for line in meanwhile.splitlines() if REBALANCE.search(line)], [])
        self.assertLess(max(size for _, size in curve) - curve[0][1], GROWTH_AT_MOST)
        self.assertEqual(service.stop(), 0)

    @staticmethod
    def resident(service):
        """MB."""
        status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text(encoding="ascii")
        return round(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024, 1)

    def tell(self, curve, returned, caught_up, after, produced):
        sizes = [size for _, size in curve]
        for at, size in curve[::max(1, len(curve) // 15)]:
            print(f"{at:7.1f} s {size:7.1f} MB {'#' * int(size)}")
        print(f"away {self.options.seconds} s at {self.options.rate} records a second: {min(sizes)} to {max(sizes)} MB, after"
              f" catching up {after} MB; progress {returned:.2f} s after the return, caught up {caught_up:.1f} s later")
        if self.options.json:
            pathlib.Path(self.options.json).write_text(json.dumps({
                "away_seconds": self.options.seconds, "records_per_second": self.options.rate, "records": 2 * produced,
                "resident_megabytes": curve, "resident_after": after, "progress_after_return_seconds": round(returned, 3),
                "caught_up_after_seconds": round(caught_up, 1)}), encoding="ascii")


if __name__ == "__main__":
    main(seconds=15.0, rate=10000, json="")
