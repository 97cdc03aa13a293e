#!/usr/bin/python3
"""Captures the screens of docs/console.md and README.md from a live service, in a real terminal, and writes them there.

Usage: screens.py --sluice PATH [--write]. Every block of the pages below a line `<!-- screen: NAME -->` is replaced by what
the session of that name shows; without --write they are printed. Times, keys and ports are those of the run, but for
the address, which is what the configuration has by default.
"""
import argparse
import contextlib
import pathlib
import re
import signal
import subprocess
import sys

import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.console import Screen  # noqa: E402
from support.console_service import running_console  # noqa: E402
from support.kafka import EmbeddedBroker  # noqa: E402
from support.pipeline import encode  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.sluice import Sluice  # noqa: E402
from support.waiting import wait_until  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = (ROOT / "docs/console.md", ROOT / "README.md")
PROMPT = re.compile(r"^\S*> ?$")
CLIENT = "ssh -p 2222 ops@127.0.0.1"


class Screens:
    def __init__(self, console):
        self.console = console

    def session(self, *commands, key="k_oper", columns=100):
        """What a terminal shows after these lines, without the last prompt."""
        screen = Screen(self.console.access.ssh("-tt", key=key), columns, 48)
        try:
            wait_until(lambda: PROMPT.match(screen.lines()[-1] if screen.lines() else ""), screen.text)
            for command in commands:
                before = screen.text()
                screen.type(command).keys("Enter")
                wait_until(lambda: screen.text() != before and PROMPT.match(screen.lines()[-1]), screen.text)
            return re.sub(r"\n\S*> ?$", "", screen.text().rstrip())
        finally:
            screen.close()

    def dashboard(self, pattern, columns=80, rows=24):
        """What `top` shows once the pattern is on it."""
        screen = Screen(self.console.access.ssh("-tt", "top", key="k_view"), columns, rows)
        try:
            screen.wait(pattern)
            shown = screen.text().rstrip()
            screen.type("q").wait_ended()
            return shown
        finally:
            screen.close()

    def tail(self, key, value):
        """What `tail` shows of a record with these bytes, which is written until it has begun to look."""
        screen = Screen(self.console.access.ssh("-tt", key="k_oper"), 100, 48)
        try:
            wait_until(lambda: PROMPT.match(screen.lines()[-1] if screen.lines() else ""), screen.text)
            before = len(screen.lines())
            screen.type(f"tail {self.console.orders} --limit 1").keys("Enter")

            def has_ended():
                self.console.kafka.publish(self.console.orders, [(key, value)])
                return len(screen.lines()) > before + 1 and PROMPT.match(screen.lines()[-1])
            wait_until(has_ended, screen.text, every=0.5)
            return re.sub(r"\n\S*> ?$", "", screen.text().rstrip()).rstrip()
        finally:
            screen.close()

    def shell(self, *lines, key="k_oper"):
        """A shell's lines and what they print; `S` at the beginning is the client."""
        shown = []
        for line in lines:
            client = " ".join(self.console.access.ssh(key=key)[:-1]) + " console"
            done = subprocess.run(["bash", "-c", re.sub(r"^S\b", client, line)], capture_output=True, text=True, timeout=60,
                                  stdin=subprocess.DEVNULL)
            shown.append(f"$ {re.sub(r'^S', CLIENT, line)}\n{done.stdout}{done.stderr}".rstrip())
        return "\n".join(shown)

    def captured(self):
        console = self.console
        third, others = f"{console.orders}/3", range(3)
        console.kafka.publish(console.orders, [
            (b"%d" % n, encode({"id": n, "status": None, "note": "\x1b]0;owned\x07 hello"})) for n in range(30_000, 30_003)])
        console.wait_caught_up(console.orders)
        yield "pause", self.shell(f"""S "pause {third} --reason 'vacuum full' --for 2h" """.strip(),
                                  f"S pause {third} --reason again")
        console.publish(range(50_000, 51_000))
        ends = console.kafka.ends(console.orders)
        wait_until(lambda: all(console.pointers()[(console.orders, p)] == ends[p] for p in others), console.pointers, 60)
        yield "status", self.session("status", "partitions --sort lag")
        yield "login", f"$ {CLIENT}\n{self.session('status', 'dead group')}"
        yield "top", self.dashboard(rf"\? help  q quit\n(.*\n)+applied +\d.*\n(.*\n)*{third} +paused")
        yield "wide", self.dashboard(rf"\? help  q quit\n(.*\n)+applied +\d.*\n(.*\n)*{third} +paused", 200, 60)
        yield "json", self.shell("S status --json | jq -c '.data | {state, lag, partitions_paused, dead_letters_open}'",
                                 "S check --lag 30s; echo $?")
        console.restart()
        yield "restart", self.shell(f"S resume {third}")
        console.wait_caught_up(console.orders)
        yield "count", self.session("count", "pointers")
        (first,), = console.sql("SELECT min(id) FROM sluice.dead_letter")
        yield "groups", self.session("dead group")
        yield "rehearsal", self.shell("S dead group --rehearse")
        yield "dead", self.session("dead list", f"dead show {first}")
        refused = self.shell(f"S dead replay {first}")
        console.sql("ALTER TABLE orders ALTER status DROP NOT NULL")
        yield "replay", "\n".join([refused, "$ psql -c 'alter table orders alter status drop not null'", "ALTER TABLE",
                                   self.shell("S dead replay --table public.orders", "S dead list")])
        yield "mistakes", self.session("pasue", "pause all", "partitions nosuch", key="k_view")
        yield "audit", self.session("audit", key="k_adm", columns=140)
        console.wait_caught_up(console.orders)
        console.ok("pause", third, "--reason", "vacuum full", key="k_oper")
        stale = self.shell(f"S rewind {third} -3")
        old = re.search(r"p-[0-9a-f]{4}", stale)[0]
        console.ok("resume", third, key="k_oper")
        console.publish(range(60_000, 60_100))
        console.wait_caught_up(console.orders)
        yield "stale", self.shell(f"S apply {old} --allow-stale")
        yield "trace", self.session("trace public.orders 60001")
        with psycopg2.connect(console.url, application_name="reindex") as holder, holder.cursor() as cursor:
            cursor.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            console.publish(range(60_000, 60_100))
            wait_until(lambda: "reindex" in console.ok("why", third), lambda: console.ok("why", third))
            yield "why", self.shell(f"S why {third}")
            holder.rollback()
        console.wait_caught_up(console.orders)
        yield "incident", self.session("incident --since 1h | last 12", columns=110)
        yield "hostile", self.tail(b"\x00\xff", '{"id": 1, "note": "\x1b]0;owned\x07\x1b[2J\x9b6n \u202egnp.exe"}'.encode())
        console.wait_caught_up(console.orders)
        planned = self.shell(f"S rewind {third} -3 --pause")
        plan = re.search(r"p-[0-9a-f]{4}", planned)[0]
        yield "plan", "\n".join([planned, self.shell(f"S apply {plan}", f"S apply {plan} --allow-stale", f"S apply {plan}")])


def write(pages, name, text):
    """Puts this text below the mark of that name, which one of the pages has."""
    pattern = re.compile(rf"(<!-- screen: {name} -->\n\n?```\n).*?^(```)", re.S | re.M)
    marks = 0
    for path, page in pages.items():
        pages[path], count = pattern.subn(lambda found: f"{found[1]}{text}\n{found[2]}", page)
        marks += count
    if marks != 1:
        raise SystemExit(f"the pages have {marks} marks `screen: {name}`")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sluice", required=True, help="the binary")
    parser.add_argument("--write", action="store_true", help="into the pages instead of printing them")
    options = parser.parse_args()
    Sluice.binary = options.sluice
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or what was started would stay behind
    pages = {path: path.read_text() for path in PAGES}
    with contextlib.ExitStack() as stack:
        broker, postgres = EmbeddedBroker(), Postgres()
        stack.callback(broker.remove)
        stack.callback(postgres.remove)
        console = stack.enter_context(running_console(broker, postgres, "shop", records=20_000))
        for name, text in Screens(console).captured():
            text = text.replace(str(console.access.folder), "~/.ssh")
            if options.write:
                write(pages, name, text)
            else:
                print(f"--- {name}\n{text}")
    if options.write:
        for path, page in pages.items():
            path.write_text(page)


if __name__ == "__main__":
    main()
