#!/usr/bin/python3
"""What the console costs: throughput with and without 20 sessions that ask for `status` every second, and logins while
2,000 strangers crowd the door.

Usage: console_load.py --sluice PATH [--events N] [--sessions N] [--strangers N]. The two kinds of window alternate within one
run, so that whatever else the machine does weighs on both.
"""
import argparse
import concurrent.futures
import contextlib
import pathlib
import signal
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from support.console_service import running_console  # noqa: E402
from support.kafka import Kafka  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.raw_ssh import crowd  # noqa: E402
from support.sluice import Sluice  # noqa: E402
from support.waiting import wait_until  # noqa: E402

WINDOW = 2.0  # seconds


def applied(console):
    return sum(value for name, value in console.live.metrics().items() if name.startswith("sluice_records_total"))


def ask(clients, until):
    """`status` once a second in every session; returns how often."""
    asked = 0
    while time.monotonic() < until:
        for client in clients:
            client.stdin.write(b"status --json\n")
            client.stdin.flush()
            asked += 1
        time.sleep(max(0.0, min(1.0, until - time.monotonic())))
    return asked


def throughput_beside_sessions_that_look(console, options):
    keys = ["k_view", "k_oper"]
    console.ok("pause", "all", "--reason", "bench", key="k_oper")
    console.publish(range(options.events), status="paid", note="x" * 40)
    clients = []
    for n in range(options.sessions):  # one by one: together they would be a crowd of strangers
        seen = console.live.log().count(" logged in ")
        clients.append(console.popen(key=keys[n % 2]))
        wait_until(lambda: console.live.log().count(" logged in ") > seen, "a login", 20)
    readers = [threading.Thread(target=client.stdout.read, daemon=True) for client in clients]
    for reader in readers:
        reader.start()
    console.ok("resume", "all", key="k_oper")
    rates, asked = {True: [], False: []}, 0
    end, before = console.records + options.events, applied(console)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        while True:
            looked_at = len(rates[True]) <= len(rates[False])
            begin = time.monotonic()
            asking = pool.submit(ask, clients if looked_at else [], begin + WINDOW)
            asked += asking.result()
            now = applied(console)
            if now >= end:
                break  # the last window is cut short
            rates[looked_at].append((now - before) / (time.monotonic() - begin))
            before = now
    for client in clients:
        client.stdin.close()
        client.wait(20)
    assert rates[True] and rates[False], "too few events for one window of each kind; raise --events"
    beside, alone = (statistics.median(rates[kind]) for kind in (True, False))
    print(f"{options.sessions} sessions, {asked} times status: {beside:,.0f} events/s beside them, {alone:,.0f} without,"
          f" ratio {beside / alone:.3f} ({len(rates[True])}+{len(rates[False])} windows of {WINDOW:.0f} s);"
          f" resident {console.rss():.0f} MiB")


def logins_while_strangers_crowd_the_door(console, options):
    took = [console.run_ssh("status").took for _ in range(5)]
    print(f"alone: a login and status in {statistics.median(took):.3f} s, resident {console.rss():.0f} MiB")
    begin, took, most = time.monotonic(), [], 0.0
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        strangers = pool.submit(crowd, console.access.port, options.strangers)
        while not strangers.done():
            answer = console.run_ssh("status")
            assert answer.code == 0, answer
            took.append(answer.took)
            most = max(most, console.rss())
    print(f"{options.strangers} strangers in {time.monotonic() - begin:.1f} s ({strangers.result()} got in): {len(took)}"
          f" logins, median {statistics.median(took):.3f} s, slowest {max(took):.3f} s, resident {most:.0f} MiB at most")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sluice", required=True, help="the binary")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--strangers", type=int, default=2000)
    options = parser.parse_args()
    Sluice.binary = options.sluice
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or what was started would stay behind
    with contextlib.ExitStack() as stack:
        kafka, postgres = Kafka(), Postgres()
        stack.callback(kafka.remove)
        stack.callback(postgres.remove)
        console = stack.enter_context(running_console(kafka, postgres, "load", records=1000))
        logins_while_strangers_crowd_the_door(console, options)
        throughput_beside_sessions_that_look(console, options)


if __name__ == "__main__":
    main()
