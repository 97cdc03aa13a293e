"""Waiting for a condition, never for a time; and free ports."""
import socket
import time


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
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
