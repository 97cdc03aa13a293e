"""What happened in a run, one JSON object a line: faults, starts, stops, claims seen, recoveries, violations.

Any thread may write. `at` is seconds since the run began; the first line holds the seed, so that a run can be repeated.
"""
import collections
import json
import threading
import time

# Every way in which the promise can be broken, by name. A checker reports under one of these and nothing else.
VIOLATIONS = ("lost", "repeated", "out_of_order", "wrong_row", "torn", "regressed", "dead_missing", "dead_extra",
              "dead_twice", "identity", "stuck", "ended", "log")


class History:
    def __init__(self, path, seed, **about):
        self.path, self.seed = path, seed
        self.begin = time.monotonic()
        self.violations = collections.Counter()
        self.first = {}  # by violation: when it was first seen, and what was seen
        self._lock = threading.Lock()
        self._file = open(path, "w", encoding="utf-8", buffering=1)
        self.note("run", seed=seed, **about)

    def now(self):
        return time.monotonic() - self.begin

    def note(self, what, **details):
        with self._lock:
            if not self._file.closed:
                print(json.dumps({"at": round(self.now(), 3), "what": what, **details}, default=str), file=self._file)

    def violate(self, name, detail):
        """The promise is broken. The run goes on, so that everything that is wrong shows."""
        assert name in VIOLATIONS, name
        self.violations[name] += 1
        self.first.setdefault(name, (round(self.now(), 2), detail))
        if self.violations[name] <= 20:  # a broken run repeats itself
            self.note("violation", name=name, detail=detail)

    def summary(self):
        return [f"{name} x{count}, first after {self.first[name][0]} s: {self.first[name][1]}"
                for name, count in self.violations.items()]

    def close(self):
        with self._lock:
            self._file.close()
