#!/usr/bin/python3
"""What the console costs: throughput with and without 20 sessions that ask for `status` every second, and logins while
2,000 strangers crowd the door.

Usage: console_load.py --sluice PATH [--events N] [--sessions N] [--strangers N]. The two kinds of window alternate within one
run, so that whatever else the machine does weighs on both.
"""
import concurrent.futures
import pathlib
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from support.case import main  # noqa: E402
from support.console_case import ConsoleCase  # noqa: E402
from support.kafka import Kafka  # noqa: E402
from support.raw_ssh import crowd  # noqa: E402
from support.waiting import wait_until  # noqa: E402

WINDOW = 2.0  # seconds


class ConsoleLoad(ConsoleCase):
    broker = Kafka
    records = 1000

    def applied(self):
        return sum(value for name, value in self.live.metrics().items() if name.startswith("sluice_records_total"))

    def ask(self, clients, until):
        """`status` once a second in every session; returns how often."""
        asked = 0
        while time.monotonic() < until:
            for client in clients:
                client.stdin.write(b"status --json\n")
                client.stdin.flush()
                asked += 1
            time.sleep(max(0.0, min(1.0, until - time.monotonic())))
        return asked

    def test_throughput_beside_sessions_that_look(self):
        keys = ["k_view", "k_oper"]
        self.ok("pause", "all", "--reason", "bench", key="k_oper")
        self.publish(range(self.options.events), status="paid", note="x" * 40)
        clients = []
        for n in range(self.options.sessions):  # one by one: together they would be a crowd of strangers
            seen = self.live.log().count(" logged in ")
            clients.append(self.access.popen(key=keys[n % 2]))
            wait_until(lambda: self.live.log().count(" logged in ") > seen, "a login", 20)
        readers = [threading.Thread(target=client.stdout.read, daemon=True) for client in clients]
        for reader in readers:
            reader.start()
        self.ok("resume", "all", key="k_oper")
        rates, asked = {True: [], False: []}, 0
        end, before = self.records + self.options.events, self.applied()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            while True:
                looked_at = len(rates[True]) <= len(rates[False])
                begin = time.monotonic()
                asking = pool.submit(self.ask, clients if looked_at else [], begin + WINDOW)
                asked += asking.result()
                now = self.applied()
                if now >= end:
                    break  # the last window is cut short
                rates[looked_at].append((now - before) / (time.monotonic() - begin))
                before = now
        for client in clients:
            client.stdin.close()
            client.wait(20)
        self.assertTrue(rates[True] and rates[False], "too few events for one window of each kind; raise --events")
        beside, alone = (statistics.median(rates[kind]) for kind in (True, False))
        print(f"{self.options.sessions} sessions, {asked} times status: {beside:,.0f} events/s beside them, {alone:,.0f} without,"
              f" ratio {beside / alone:.3f} ({len(rates[True])}+{len(rates[False])} windows of {WINDOW:.0f} s);"
              f" resident {self.rss():.0f} MiB")

    def test_logins_while_strangers_crowd_the_door(self):
        took = [self.run_ssh("status").took for _ in range(5)]
        print(f"alone: a login and status in {statistics.median(took):.3f} s, resident {self.rss():.0f} MiB")
        begin, took, most = time.monotonic(), [], 0.0
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            strangers = pool.submit(crowd, self.access.port, self.options.strangers)
            while not strangers.done():
                answer = self.run_ssh("status")
                self.assertEqual(0, answer.code, answer)
                took.append(answer.took)
                most = max(most, self.rss())
        print(f"{self.options.strangers} strangers in {time.monotonic() - begin:.1f} s ({strangers.result()} got in): {len(took)}"
              f" logins, median {statistics.median(took):.3f} s, slowest {max(took):.3f} s, resident {most:.0f} MiB at most")


if __name__ == "__main__":
    main(events=1_000_000, sessions=20, strangers=2000)
