"""A process frozen in the middle of a transaction, its pointer row locked, does not hold up its successor; thawed, it is
fenced. Where PostgreSQL waits for the rest of a pipeline none of its own time-outs runs.
"""
import signal
import time

from support.waiting import wait_until


def test_a_successor_takes_over_from_a_process_frozen_within_a_transaction(pipeline, make_flow):
    flow = make_flow(partitions=1, rate=1000)
    frozen = pipeline.service(flow.routes(), rest=flow.batches, SLUICE_FAULT="after_advance:20:stop").start(ready=False)
    flow.start()
    wait_until(lambda: "after_advance acts" in frozen.log() and holds_its_locks(pipeline),
               lambda: f"no transaction waits for its client: {backends(pipeline)}\n{frozen.tail()}")
    begin = time.monotonic()
    successor = pipeline.service(flow.routes(), rest=flow.batches).start(ready=False)
    flow.wait_progress(seconds=90)
    print(f"progress {time.monotonic() - begin:.1f} s after the successor's start")
    frozen.signal(signal.SIGCONT)
    flow.wait_progress()
    flow.check()
    assert [frozen.stop(), successor.stop()] == [0, 0]


def backends(pipeline):
    return pipeline.sql("""SELECT application_name, state, wait_event, xact_start IS NOT NULL, query FROM pg_stat_activity
                       WHERE application_name LIKE 'sluice/%'""")


def holds_its_locks(pipeline):
    return any(row[1:4] == ("active", "ClientRead", True) for row in backends(pipeline))
