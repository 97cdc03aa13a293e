"""Applies faults (faults.py) in an order that the seed decides, and measures what each one met and how long the stream then stood.

A recovery ends when *every* partition's pointer has moved. A deck holds every fault as often as its line in the table says, and
is dealt in an order of its own each time.
"""
import contextlib
import random
import time

import psycopg2

from fault.faults import FAULTS
from support.waiting import Late, wait_until

STUCK = 90  # seconds without a step of some partition that are a violation


class Executioner:
    def __init__(self, cluster, load, watcher, history, seed, points=True, only=None, older=None):
        """points: whether the binary has them. only: names of FAULTS, instead of all. older: a binary of another version."""
        self.cluster, self.load, self.watcher, self.history, self.older = cluster, load, watcher, history, older
        self.chance = random.Random(f"{seed}/executioner")
        impossible = {"clock jumps": not cluster.clocks, "another version": not older}
        self.names = [name for name in only or FAULTS
                      if (points or not name.startswith("killed at ")) and not impossible.get(name, False)]
        self.deck, self.zombies, self.fenced = [], 0, 0
        self.results = {}  # kind -> {"count", "open", "missed", "recovery": [seconds]}
        self.began, self.recovery, self._mark = None, None, 0

    def run(self, seconds):
        """Deals faults for so long; what is not running is started again after each."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.history.violations["stuck"]:
            self.one(self.deal(), alone=self.chance.random() < 0.75)

    def deal(self):
        if not self.deck:
            self.deck = [name for name in self.names for _ in range(FAULTS[name].often)]
            self.chance.shuffle(self.deck)
        return self.deck.pop()

    def one(self, name, alone=True):
        """alone: the group is at rest before, and the recovery is waited for; else it comes into whatever goes on."""
        if alone:
            self.settle()
        self.began, self.recovery = None, None
        self.history.note("fault", kind=name)
        hit = FAULTS[name].run(self)
        began = self.began or time.monotonic()
        self.cluster.tend()
        found = self.results.setdefault(name, {"count": 0, "open": 0, "missed": 0, "recovery": []})
        if hit is None:
            found["missed"] += 1
            return self.history.note("missed", kind=name)
        found["count"] += 1
        found["open"] += hit
        self.began = began
        if alone and self.recovery is None:
            self.recovery = self.wait_recovery()
        if alone and self.recovery is not None:
            found["recovery"].append(round(self.recovery, 3))
        return self.history.note("done", kind=name, open=hit, recovery=self.recovery)

    def settle(self):
        """Until every instance holds what the group has given it."""
        def ready():
            return self.tended() or all(one.service.get("/readyz")[0] == 200 for one in self.cluster.instances)
        try:
            wait_until(ready, "ready", STUCK)
        except Late:
            self.history.violate("stuck", f"not ready: {[one.service.get('/readyz') for one in self.cluster.instances]}")

    def wait_recovery(self, of_interest=lambda topic: True):
        """Seconds from `began` until every partition has moved; None when it does not, which is a violation."""
        before = {at: following for at, following in self.pointers().items() if of_interest(at[0])}

        def standing():
            now = self.watcher.pointers
            return [at for at, following in before.items() if now.get(at, 0) <= following]

        try:
            wait_until(lambda: not standing() and before or self.tended(), "recovery", STUCK, every=0.01)
            return time.monotonic() - self.began
        except Late:
            tails = [one.service.tail(2500) for one in self.cluster.instances if one.service] + [self.cluster.kafka.log()[-5000:]]
            self.history.violate("stuck", f"{STUCK} s after a fault these do not move: {standing()}\n" + "\n---\n".join(tails))
            return None

    def tended(self):
        """Nothing may end by itself meanwhile; armed points apart."""
        self.cluster.tend()
        return False

    def pointers(self):
        """As committed now; the watcher's may be a moment old."""
        for _ in range(200):
            try:
                rows = self.cluster.sql("SELECT topic, partition, next_offset FROM sluice.pointer")
                return {(topic, partition): following for topic, partition, following in rows}
            except psycopg2.Error:
                time.sleep(0.05)
        return {}

    def victim(self, proxied=False):
        return self.chance.choice([one for one in self.cluster.instances if one.running() and (one.proxy or not proxied)])

    def aim(self, victim):
        """Waits a moment for the victim to have a transaction open; whether it has."""
        if victim.proxy:
            with contextlib.suppress(Late):
                return bool(wait_until(victim.proxy.open_transactions, "a transaction", 0.4, every=0.0005))
            return False
        return self.cluster.open_transaction(victim.ports())

    def by_proxy(self, arm):
        proxy = self.victim(proxied=True).proxy
        before = proxy.counts["in_transaction"]
        if not arm(proxy).fired.wait(10):
            proxy.forget()
            return None
        return proxy.counts["in_transaction"] > before

    def pause(self, most):
        time.sleep(self.chance.random() * most)

    def mark(self):
        self._mark = time.monotonic()

    def seconds(self):
        return time.monotonic() - self._mark
