#!/usr/bin/python3
"""Captures the screens of docs/console.md from a live service, in a real terminal, and writes them there.

Usage: screens.py --sluice PATH [--write]. Every block of the page below a line `<!-- screen: NAME -->` is replaced by what
the session of that name shows; without --write they are printed. Times, keys and ports are those of the run, but for
the address, which is what the configuration has by default.
"""
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import encode, main  # noqa: E402
from support.console import Screen  # noqa: E402
from support.console_case import ConsoleCase  # noqa: E402
from support.waiting import wait_until  # noqa: E402

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/console.md"
PROMPT = re.compile(r"^\S*> ?$")
CLIENT = "ssh -p 2222 ops@127.0.0.1"


class Screens(ConsoleCase):
    records, title = 20_000, "shop"

    def session(self, *commands, key="k_oper", columns=100):
        """What a terminal shows after these lines, without the last prompt."""
        screen = Screen(self.access.ssh("-tt", key=key), columns, 48)
        try:
            wait_until(lambda: PROMPT.match(screen.lines()[-1] if screen.lines() else ""), screen.text, 20)
            for command in commands:
                before = screen.text()
                screen.type(command).keys("Enter")
                wait_until(lambda: screen.text() != before and PROMPT.match(screen.lines()[-1]), screen.text, 30)
            return re.sub(r"\n\S*> ?$", "", screen.text().rstrip())
        finally:
            screen.close()

    def shell(self, *lines, key="k_oper"):
        """A shell's lines and what they print; `S` at the beginning is the client."""
        shown = []
        for line in lines:
            client = " ".join(self.access.ssh(key=key)[:-1]) + " console"
            done = subprocess.run(["bash", "-c", re.sub(r"^S\b", client, line)], capture_output=True, text=True, timeout=60,
                                  stdin=subprocess.DEVNULL)
            shown.append(f"$ {re.sub(r'^S', CLIENT, line)}\n{done.stdout}{done.stderr}".rstrip())
        return "\n".join(shown)

    def captured(self):
        self.kafka.publish(self.orders, [(b"%d" % n, encode({"id": n, "status": None, "note": "\x1b]0;owned\x07 hello"}))
                                         for n in range(30_000, 30_003)])
        self.wait_caught_up(self.orders)
        third = f"{self.orders}/3"
        yield "pause", self.shell(f"""S "pause {third} --reason 'vacuum full' --for 2h" """.strip(), f"S pause {third} --reason again")
        self.publish(range(50_000, 51_000))
        wait_until(lambda: sum(self.kafka.ends(self.orders).values()) - sum(self.pointers().values()) > 0
                   and all(self.pointers()[(self.orders, p)] == end for p, end in self.kafka.ends(self.orders).items() if p != 3),
                   self.pointers, 60)
        yield "status", self.session("status", "partitions --sort lag")
        yield "json", self.shell("S status --json | jq -c '.data | {state, lag, partitions_paused, dead_letters_open}'",
                                 "S check --lag 30s; echo $?")
        self.live.stop()
        self.live.start()
        yield "restart", self.shell(f"S resume {third}")
        self.wait_caught_up(self.orders)
        yield "count", self.session("count", "pointers")
        (first,), = self.sql("SELECT min(id) FROM sluice.dead_letter")
        yield "dead", self.session("dead list", f"dead show {first}")
        refused = self.shell(f"S dead replay {first}")
        self.sql("ALTER TABLE orders ALTER status DROP NOT NULL")
        yield "replay", "\n".join([refused, "$ psql -c 'alter table orders alter status drop not null'", "ALTER TABLE",
                                   self.shell("S dead replay --table public.orders", "S dead list")])
        yield "mistakes", self.session("pasue", "pause all", "partitions nosuch", key="k_view")
        yield "audit", self.session("audit", key="k_adm", columns=140)

    def test_capture(self):
        page = PAGE.read_text() if PAGE.exists() else ""
        for name, text in self.captured():
            text = text.replace(str(self.access.folder), "~/.ssh")
            if not self.options.write:
                print(f"--- {name}\n{text}")
                continue
            pattern = re.compile(rf"(<!-- screen: {name} -->\n\n?```\n).*?^(```)", re.S | re.M)
            page, count = pattern.subn(lambda found: f"{found[1]}{text}\n{found[2]}", page)
            self.assertEqual(1, count, name)
        if self.options.write:
            PAGE.write_text(page)


if __name__ == "__main__":
    main(write=0)
