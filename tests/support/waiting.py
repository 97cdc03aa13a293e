"""Waiting for a condition, never for a time; and free ports."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from servers import free_ports  # noqa: E402


class Late(AssertionError):
    """What was waited for did not come in time."""


def wait_until(predicate, what, seconds=60, every=0.05):
    """Returns the predicate's first true value; raises Late, saying what was missing, after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Late(f"waited {seconds} s in vain: {what() if callable(what) else what}")
        time.sleep(every)


def free_port():
    return free_ports(1)[0]
