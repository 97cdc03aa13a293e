"""One run of the harness: a cluster, a load, a watcher and an executioner, half of the time under each strategy.

Ends with a result of plain values, which is what docs/torture.md is made of (report.py). Nothing of it outlives run().
"""
import datetime
import pathlib
import tempfile
import time

from fault.cluster import Cluster
from fault.executioner import Executioner
from fault.history import History
from fault.load import TABLES, Load
from fault.oracle import Watcher, final_check, wait_caught_up
from support.pipeline import route
from support.waiting import wait_until

STRATEGIES = ("range", "cooperative-sticky")
CATCH_UP = 180  # seconds for the end
PREFIX = "torture"


class Campaign:
    """points: whether the binary has fault points. only: names of FAULTS. older: a binary of
    another version, with which instances take turns. environment: for the instances."""

    def __init__(self, seed, seconds, points=True, rate=1500, only=None, strategies=STRATEGIES, path=None, older=None,
                 **environment):
        self.seed, self.seconds, self.points, self.rate, self.only = seed, seconds, points, rate, only
        self.strategies, self.older, self.environment = strategies, older, environment
        self.path = path or str(pathlib.Path(tempfile.gettempdir()) / f"sluice-torture-{seed}.jsonl")

    def run(self):
        """The result; its violations are empty when the promise was kept."""
        history = History(self.path, self.seed, seconds=self.seconds)
        cluster = Cluster(history, self.seed, name=PREFIX, **self.environment)
        try:
            return self.torture(history, cluster)
        finally:
            cluster.remove()
            history.close()

    def torture(self, history, cluster):
        cluster.sql(TABLES)
        load = Load(cluster.kafka, self.seed, PREFIX, rate=self.rate)
        cluster.routes = load.routes(route)
        watcher = Watcher(cluster.postgres, PREFIX, load, history, self.seed)
        executioner = Executioner(cluster, load, watcher, history, self.seed, self.points, self.only,
                                  self.older)
        begin = time.monotonic()
        load.start()
        watcher.start()
        try:
            for strategy in self.strategies:
                history.note("strategy", strategy=strategy)
                cluster.start(strategy)
                wait_until(lambda: watcher.error or all(watcher.pointers.get(at) for at in tuple(load.ends)),
                           lambda: "\n".join(one.service.tail() for one in cluster.instances), 120)
                executioner.run(self.seconds / len(self.strategies))
                if history.violations["stuck"]:
                    break
                if strategy is not self.strategies[-1]:
                    cluster.stop()
            load.finish()
            if wait_caught_up(watcher, load, history, CATCH_UP):
                cluster.stop()
        finally:
            watcher.finish()
        seen = final_check(cluster.postgres, PREFIX, load, history)
        history.note("end", **seen)
        return {"date": datetime.date.today().isoformat(), "seed": self.seed, "seconds": round(time.monotonic() - begin),
                "instances": len(cluster.instances), "records": load.produced, **seen, "snapshots": watcher.snapshots,
                "claims": sum(epoch for _, epoch in watcher.owners.values()), "fenced": cluster.fenced(),
                "zombies": executioner.zombies, "zombies_fenced": executioner.fenced, "faults": executioner.results,
                "violations": history.summary()}
