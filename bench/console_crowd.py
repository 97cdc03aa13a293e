#!/usr/bin/python3
"""What crowds at the console cost a pipeline that has a backlog: strangers, slow readers, 60 dashboards, packets of 10 bytes.

    bench/console_crowd.py --sluice build/release/sluice [--events 3500000] [--rounds 6] [--window 2.5] [--scenes strangers ...]

Each scene has a service that reads the same log from its beginning, and quiet windows and windows beside the crowd in turn;
the ratio is that of the two windows of one round. The crowd has the last core for itself, and the service, Kafka and PostgreSQL
share the others, so that a lower rate is what the service itself spends on the crowd. That is told apart, too: `pipeline` is
the CPU of all its other threads for each event, `console` that of the console's threads, `clients` what the other side took, both
in per cent of one core. An operator's session asks for `status` all the time, from
the strangers' address. The limits of the console are what they are: 60 dashboards are 15 connections of four channels.
"""
import argparse
import contextlib
import json
import multiprocessing
import os
import pathlib
import pty
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from support.console_service import running_console  # noqa: E402
from support.kafka import Kafka  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.raw_ssh import Raw, crowd  # noqa: E402
from support.sluice import Sluice  # noqa: E402
from support.waiting import wait_until  # noqa: E402

KEYS = 50_000  # far more than a batch has rows, so that nothing is folded; each in one partition, so no lane waits for another
PARTITIONS = 4
TICK = os.sysconf("SC_CLK_TCK")


CORES = sorted(os.sched_getaffinity(0))
OURS, THEIRS = (CORES[:-1], CORES[-1:]) if len(CORES) > 1 else (CORES, CORES)


@contextlib.contextmanager
def serving():
    """What starts within belongs to the service's side; everything else to the crowd's."""
    os.sched_setaffinity(0, OURS)
    try:
        yield
    finally:
        os.sched_setaffinity(0, THEIRS)


def cpu_of(stat):
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def cpu_of_process(pid):
    with contextlib.suppress(OSError):
        return cpu_of(pathlib.Path(f"/proc/{pid}/stat").read_text())
    return 0.0


def cpu_of_pipeline(pid):
    """Of all threads but the console's; those live as long as the process, while the console's come and go."""
    total = 0.0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            stat = (task / "stat").read_text()
            total += 0 if "(console" in stat else cpu_of(stat)
    return total


class Operator:
    """A session that asks again as soon as it has been answered, ten times a second at most."""

    def __init__(self, console):
        self.client = console.popen(key="k_oper")
        self.ask()
        self.took, self.ended = [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def ask(self):
        begin = time.monotonic()
        self.client.stdin.write(b"status --json\n")
        self.client.stdin.flush()
        json.loads(self.client.stdout.readline())
        return time.monotonic() - begin

    def run(self):
        while not self.ended.wait(0.1):
            self.took.append(self.ask())

    def close(self):
        self.ended.set()
        self.thread.join(60)
        self.client.stdin.close()
        self.client.wait(60)


def stranger_waves(port, opened, ended):
    """Many at once, as each may have to wait a second for its place in the kernel's queue."""
    def run():
        while not ended.is_set():
            taken = crowd(port, 20, 10, ("127.0.0.1",))
            with opened.get_lock():
                opened.value += taken

    threads = [threading.Thread(target=run) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextlib.contextmanager
def strangers(console):
    """Nobody of them logs in; from the operator's own address."""
    spawn = multiprocessing.get_context("spawn")
    opened, ended = spawn.Value("q", 0), spawn.Event()
    process = spawn.Process(target=stranger_waves, args=(console.access.port, opened, ended))
    process.start()
    try:
        wait_until(lambda: opened.value, "the first strangers")
        yield [process.pid], lambda: opened.value
    finally:
        ended.set()
        process.join(60)


@contextlib.contextmanager
def slow_readers(console):
    """Eight times `tail --all` whose client stands still, and two shells that type and never read: until each of them has
    queued all that it may."""
    with contextlib.ExitStack() as stack:
        for number in range(8):
            client = console.popen("tail", console.orders, "--all", "--json", key="k_oper")
            stack.callback(client.wait, 60)
            stack.callback(client.kill)
            wait_until(lambda number=number: sum("tail" in (one["command"] or "") for one in console.sessions()) > number, "a tail", 30)
            os.kill(client.pid, signal.SIGSTOP)
        for _ in range(2):
            raw = stack.enter_context(Raw(console.access.port).log_in(console.access.folder, "k_view"))
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            channel = raw.open_session_of(2**15)
            channel.invoke_shell()
            raw.stop_reading()
            channel.sendall(b"help\n" * 4000)

        value = json.dumps({"id": -1, "status": "paid", "note": "y" * 1000}).encode()

        def full():
            """It also writes, as a tail begins at the end that the log has once it is there."""
            console.kafka.fill(console.orders, [(None, value, 0)] * 1000)
            return sum(one["queued"] >= 2**20 for one in console.sessions()) == 10

        wait_until(full, lambda: f"queues that are full: {console.sessions()}", 60)
        yield [], lambda: 10


@contextlib.contextmanager
def dashboards(console):
    """60 times `top` in a window of 200 by 60: as many channels as four for each of 15 connections."""
    with contextlib.ExitStack() as stack:
        sockets, masters = [], []
        for number in range(15):
            path = f"{console.access.folder}/m{number}"
            options = [f"ControlPath={path}", "ControlMaster=yes"]
            masters.append(subprocess.Popen(console.access.ssh("-N", key="k_view", options=options), stdin=subprocess.DEVNULL))
            stack.callback(masters[-1].wait, 60)
            stack.callback(masters[-1].terminate)
            wait_until(lambda path=path: os.path.exists(path), "a connection", 30)
            sockets.append(path)
        ours, theirs = pty.openpty()
        stack.callback(os.close, ours)
        stack.callback(os.close, theirs)
        subprocess.run(["stty", "rows", "60", "cols", "200"], stdin=theirs, check=True, timeout=60)
        shown = [subprocess.Popen(console.access.ssh("-tt", "top", options=[f"ControlPath={path}"]), stdin=theirs,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for path in sockets * 4]
        for client in shown:
            stack.callback(client.wait, 60)
            stack.callback(client.terminate)
        threads = pathlib.Path(f"/proc/{console.live.process.pid}/task")

        def running():
            names = [name for task in threads.iterdir() for name in read(task / "comm")]
            return sum(name == "console command" for name in names)

        wait_until(lambda: running() >= len(shown), lambda: f"{running()} dashboards", 60)
        yield [client.pid for client in masters + shown], running


def read(path):
    with contextlib.suppress(OSError):
        return [path.read_text().strip()]
    return []


@contextlib.contextmanager
def packets_of_ten_bytes(console):
    """Two sessions whose clients take packets of 10 bytes and no larger ones, which is what libssh sees as room for nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            raw = stack.enter_context(Raw(console.access.port).log_in(console.access.folder, "k_view"))
            raw.open_session_of(10).exec_command("help")
        yield [], lambda: 2


SCENES = {scene.__name__: scene for scene in (strangers, slow_readers, dashboards, packets_of_ten_bytes)}


class Window:
    """What happened in a while: figures by name."""

    def __init__(self, console, pids):
        self.console, self.pids, self.process = console, pids, console.live.process.pid
        self.begin, self.before = time.monotonic(), self.counts()

    def counts(self):
        records = sum(value for name, value in self.console.live.metrics().items() if name.startswith("sluice_records_total"))
        clients = time.process_time() + sum(cpu_of_process(pid) for pid in self.pids)
        return records, cpu_of_process(self.process), cpu_of_pipeline(self.process), clients

    def figures(self):
        took = time.monotonic() - self.begin
        events, service, pipeline, clients = (now - then for now, then in zip(self.counts(), self.before))
        return {"rate": events / took, "pipeline": pipeline * 1e6 / max(events, 1), "rss": self.console.rss(),
                "console": 100 * max(0.0, service - pipeline) / took, "clients": 100 * clients / took}


def measure(console, options, operator, pids=()):
    operator.took.clear()
    window = Window(console, [operator.client.pid, *pids])
    most = 0.0
    while time.monotonic() - window.begin < options.window:
        time.sleep(0.1)
        most = max(most, console.rss())
    found = window.figures()
    return {**found, "rss": max(most, found["rss"]), "answers": list(operator.took)}


def again_from_the_beginning(console):
    if console.live.running():
        assert console.live.stop() == 0
    console.sql("DROP SCHEMA IF EXISTS sluice CASCADE")
    with serving():
        console.live.start()


def run_scene(console, name, options):
    again_from_the_beginning(console)
    operator = Operator(console)
    rounds, seen = [], []
    wait_until(lambda: sum(v for n, v in console.live.metrics().items() if n.startswith("sluice_records_total")) > 20_000,
               console.live.tail, 60)
    while len(rounds) < options.rounds:
        found = {}
        for beside in (False, True) if len(rounds) % 2 == 0 else (True, False):  # what grows with time weighs on both
            if not beside:
                found[beside] = measure(console, options, operator)
                continue
            with SCENES[name](console) as (pids, count):
                found[beside] = measure(console, options, operator, pids)
                seen.append(count())
        left = sum(console.kafka.ends(console.orders).values()) - console.sql("SELECT sum(next_offset) FROM sluice.pointer")[0][0]
        if left <= found[False]["rate"]:
            break  # the windows of this round were cut short
        rounds.append((found[False], found[True]))
    operator.close()
    report(name, rounds, sum(seen) if name == "strangers" else seen[-1])


def report(name, rounds, many):
    assert rounds, f"{name}: the backlog ended in the first round; raise --events"

    def middle(kind, field):
        return statistics.median(one[kind][field] for one in rounds)

    def ratio(field):
        each = sorted(beside[field] / quiet[field] for quiet, beside in rounds)
        return f"{statistics.median(each):.2f} ({each[0]:.2f}, {each[-1]:.2f})"

    answers = [[took for one in rounds for took in one[kind]["answers"]] for kind in (0, 1)]
    told = ", ".join(f"{statistics.median(took) * 1000:.0f} ms (worst {max(took) * 1000:.0f})" for took in answers)
    print(f"{name}: {many}, {len(rounds)} rounds | events/s {middle(0, 'rate'):,.0f}, beside {middle(1, 'rate'):,.0f}, ratio"
          f" {ratio('rate')} | pipeline {middle(0, 'pipeline'):.1f}, {middle(1, 'pipeline'):.1f} us/event, ratio {ratio('pipeline')}"
          f" | console {middle(0, 'console'):.1f}, {middle(1, 'console'):.1f} % | clients {middle(0, 'clients'):.0f},"
          f" {middle(1, 'clients'):.0f} % | status {told} | resident at most {max(one[0]['rss'] for one in rounds):.0f},"
          f" {max(one[1]['rss'] for one in rounds):.0f} MiB | load {os.getloadavg()[0]:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--events", type=int, default=3_500_000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--window", type=float, default=2.5, help="seconds")
    parser.add_argument("--scenes", nargs="+", choices=SCENES, default=list(SCENES))
    options = parser.parse_args()
    Sluice.binary = options.sluice
    print(f"load before it {os.getloadavg()[0]:.1f}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or what was started would stay behind
    with contextlib.ExitStack() as stack:
        with serving():
            kafka, postgres = Kafka(memory="1g"), Postgres("max_wal_size = 8GB\n")
            stack.callback(kafka.remove)
            stack.callback(postgres.remove)
            console = stack.enter_context(running_console(kafka, postgres, "crowd", records=1000))
        values = [json.dumps({"id": 10_000 + n, "status": "paid", "note": "x" * 200}).encode() for n in range(KEYS)]
        assert console.live.stop() == 0
        kafka.fill(console.orders, ((None, values[n % KEYS], n % PARTITIONS) for n in range(options.events)))
        for name in options.scenes:
            run_scene(console, name, options)


if __name__ == "__main__":
    main()
