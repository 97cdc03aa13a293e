"""A process frozen in the middle of a transaction, its pointer row locked, does not hold up its successor; thawed, it is
fenced. Where PostgreSQL waits for the rest of a pipeline none of its own time-outs runs.
"""
import contextlib
import signal
import time

from support.waiting import Late, wait_until

TRIES = 8


def test_a_successor_takes_over_from_a_process_frozen_within_a_transaction(pipeline, make_flow):
    flow = make_flow(partitions=1, rate=1000)
    freezes = ",".join(f"after_advance:{20 * n}:stop" for n in range(1, TRIES + 1))
    frozen = pipeline.service(flow.routes(), rest=flow.batches, SLUICE_FAULT=freezes).start(ready=False)
    flow.start()
    freeze_within_a_transaction(pipeline, frozen)
    begin = time.monotonic()
    successor = pipeline.service(flow.routes(), rest=flow.batches).start(ready=False)
    flow.wait_progress(seconds=90)
    print(f"progress {time.monotonic() - begin:.1f} s after the successor's start")
    frozen.signal(signal.SIGCONT)
    flow.wait_progress()
    flow.check()
    assert [frozen.stop(), successor.stop()] == [0, 0]


def freeze_within_a_transaction(pipeline, service):
    """What stands before a COPY may not be on its way yet when the process freezes; then it gets another chance."""
    for tried in range(1, TRIES + 1):
        wait_until(lambda: service.log().count("after_advance acts") == tried, service.tail)
        with contextlib.suppress(Late):
            return wait_until(lambda: holds_its_locks(pipeline), "", 5)
        service.signal(signal.SIGCONT)
    raise AssertionError(f"no transaction is open that waits for its client: {backends(pipeline)}\n{service.tail()}")


def backends(pipeline):
    return pipeline.sql("""SELECT application_name, state, wait_event, xact_start IS NOT NULL, query FROM pg_stat_activity
                       WHERE application_name LIKE 'sluice/%'""")


def holds_its_locks(pipeline):
    return any(row[1:4] == ("active", "ClientRead", True) for row in backends(pipeline))
