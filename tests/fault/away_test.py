"""PostgreSQL stays away while events go on coming in: memory stays flat, the group stays as it is, work goes on at once.

The length of the outage is --seconds, the input --rate records a second; --json FILE is where to leave the figures.
"""
import json
import pathlib
import re
import time

GROWTH_AT_MOST = 64  # MB
REBALANCE = re.compile(r"assigned|revoked")


def test_postgresql_away_costs_neither_memory_nor_membership(pipeline, make_flow, option):
    away, rate = option("seconds", 15.0), option("rate", 10000)
    flow = make_flow(seed=1, rate=rate, keys=5000)
    service = pipeline.service(flow.routes()).start()
    flow.start()
    for _ in range(20):
        flow.wait_progress()
    begin, curve, log_before = time.monotonic(), [], len(service.log())
    pipeline.postgres.stop("immediate")
    while (passed := time.monotonic() - begin) < away:
        curve.append((round(passed, 1), round(service.resident(), 1)))
        assert service.running(), service.tail()
        assert service.get("/healthz")[0] == 200, "waiting on purpose is healthy"
        flow.enough.wait(min(1, away / 15))
    produced_while_away = flow.produced
    pipeline.postgres.start()
    returned = flow.wait_progress()
    caught_up = time.monotonic()
    flow.check()
    caught_up = time.monotonic() - caught_up
    after = round(service.resident(), 1)
    meanwhile = service.log()[log_before:]
    tell(option("json", ""), away, rate, curve, returned, caught_up, after, produced_while_away)
    assert [line for line in meanwhile.splitlines() if REBALANCE.search(line)] == []
    assert max(size for _, size in curve) - curve[0][1] < GROWTH_AT_MOST
    assert service.stop() == 0


def tell(path, away, rate, curve, returned, caught_up, after, produced):
    sizes = [size for _, size in curve]
    for at, size in curve[::max(1, len(curve) // 15)]:
        print(f"{at:7.1f} s {size:7.1f} MB {'#' * int(size)}")
    print(f"away {away} s at {rate} records a second: {min(sizes)} to {max(sizes)} MB, after"
          f" catching up {after} MB; progress {returned:.2f} s after the return, caught up {caught_up:.1f} s later")
    if path:
        pathlib.Path(path).write_text(json.dumps({
            "away_seconds": away, "records_per_second": rate, "records": 2 * produced,
            "resident_megabytes": curve, "resident_after": after, "progress_after_return_seconds": round(returned, 3),
            "caught_up_after_seconds": round(caught_up, 1)}), encoding="ascii")
