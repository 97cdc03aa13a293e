"""Two instances that both believe to own everything, for good: one pipeline, two groups.

Each takes the pointers from the other as soon as it is fenced itself, and still nothing is lost, repeated or out of order,
and the stream goes on. They fight for --seconds.
"""
import time

from support.waiting import wait_until


def test_two_owners_of_everything_fight_without_harm_and_without_standstill(pipeline, make_flow, option):
    flow = make_flow()
    rivals = [pipeline.service(flow.routes(), group=f"{pipeline.name}.{side}", rest=flow.batches).start(ready=False)
              for side in ("left", "right")]
    flow.start()
    progress, begin = [], time.monotonic()
    while time.monotonic() - begin < option("seconds", 20):
        progress.append(flow.wait_progress())
    wait_until(lambda: all(times_fenced(one) for one in rivals), "both were fenced by the other", 120)
    fenced = [times_fenced(one) for one in rivals]
    epochs = pipeline.sql("SELECT max(epoch) FROM sluice.pointer")[0][0]
    flow.check()
    print(f"{flow.summary()}, fenced {fenced}, up to {epochs} claims of a partition, longest standstill {max(progress):.2f} s")
    assert [one.stop() for one in rivals] == [0, 0]


def times_fenced(one):
    wait_until(lambda: one.get("/metrics")[0] == 200, one.tail)
    return int(sum(value for name, value in one.metrics().items() if name.startswith("sluice_lane_fenced_total")))
