#!/usr/bin/python3
"""The interactive session as an operator sees it in a terminal: console_cases.md 16-18, 20 and 21."""
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import main  # noqa: E402
from support.console_case import ConsoleCase  # noqa: E402
from support.waiting import wait_until  # noqa: E402

CODES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Screens(ConsoleCase):
    @property
    def prompt(self):
        return f"{self.name}> "

    def line(self, screen):
        """What is being edited: the last line, after the prompt."""
        last = screen.lines()[-1]
        self.assertTrue(last.startswith(self.prompt.strip()), screen.text())
        return last[len(self.prompt):]

    def wait_line(self, screen, text, column=None):
        wait_until(lambda: self.line(screen) == text, lambda: f"{text!r} on:\n{screen.text()}", 10)
        if column is not None:
            wait_until(lambda: screen.cursor()[0] == len(self.prompt) + column, lambda: f"column {column}: {screen.cursor()}", 10)

    def test_16_tab_completes_words_and_live_names_and_runs_nothing(self):
        screen = self.screen()
        screen.type("stat").keys("Tab")
        self.wait_line(screen, "status")
        screen.keys("C-u").type("pause " + self.orders[:-3]).keys("Tab")
        self.wait_line(screen, "pause " + self.orders)
        screen.keys("C-u").type("p").keys("Tab", "Tab")
        screen.wait(r"partitions.*pause.*pointers|partitions\s+pause|pause\n")
        self.wait_line(screen, "p")
        self.assertEqual([], self.sql("SELECT 1 FROM sluice.pause"))
        screen.keys("C-u", "C-d").wait_ended()

    def test_a_watched_command_is_redrawn_in_its_place_until_ctrl_c(self):
        screen = self.screen()
        screen.type("status --watch 1s").keys("Enter").wait(r"postgres +lanes connected")
        first = screen.text()
        wait_until(lambda: screen.text() != first, screen.text, 10)
        self.assertEqual(1, screen.text().count("lanes connected"), screen.text())
        screen.keys("C-c")
        self.wait_line(screen, "")
        screen.keys("C-d").wait_ended()

    def test_17_editing_keys_move_and_change_and_history_keeps_the_draft(self):
        screen = self.screen()
        screen.type("version").keys("Enter").wait(r"libssh")
        screen.type("whoami").keys("Enter").wait(r"viewer|operator")
        screen.type("helo").keys("Left").type("l")
        self.wait_line(screen, "hello", 4)
        screen.keys("C-a")
        self.wait_line(screen, "hello", 0)
        screen.keys("C-e")
        self.wait_line(screen, "hello", 5)
        screen.keys("Home", "Right", "Right", "C-k")
        self.wait_line(screen, "he", 2)
        screen.keys("BSpace", "End")
        screen.type(" two words").keys("C-w")
        self.wait_line(screen, "h two", 6)
        screen.keys("Home", "DC")
        self.wait_line(screen, " two", 0)
        screen.keys("Up")
        self.wait_line(screen, "whoami")
        screen.keys("Up")
        self.wait_line(screen, "version")
        screen.keys("Down", "Down")
        self.wait_line(screen, " two")
        screen.keys("C-u")
        self.wait_line(screen, "")
        screen.keys("C-d").wait_ended()

    def test_18_wide_characters_keep_the_cursor_right_and_long_lines_scroll_on_one_row(self):
        screen = self.screen()
        screen.type("中文é👍")
        self.wait_line(screen, "中文é👍")
        for width in (5, 4, 2, 0):
            screen.keys("BSpace")
            wait_until(lambda: screen.cursor()[0] == len(self.prompt) + width, lambda: f"{width}: {screen.cursor()}", 10)
        row = screen.cursor()[1]
        text = "".join(chr(ord("a") + n % 26) for n in range(150))
        screen.type(text)
        wait_until(lambda: screen.lines()[-1].endswith(text[-20:]), screen.text, 10)
        self.assertEqual(row, screen.cursor()[1])
        for columns in (40, 20):
            screen.resize(columns)
            wait_until(lambda: 0 < screen.cursor()[0] < columns, screen.text, 10)
        screen.resize(100)
        screen.keys("C-a", "C-k").type("whoami").keys("Enter")
        screen.wait("operator")
        screen.keys("C-d").wait_ended()

    def test_20_ctrl_c_drops_a_line_or_ends_a_wait_and_undoes_nothing(self):
        screen = self.screen()
        screen.type("half a li").keys("C-c")
        screen.wait(r"\^C")
        self.wait_line(screen, "")
        holder = self.hold_pointers()
        try:
            screen.type(f"pause {self.orders} --reason held --timeout 60s").keys("Enter")
            wait_until(lambda: self.sql("SELECT 1 FROM sluice.pause"), "the pause in the table", 10)
            screen.keys("C-c")
            screen.wait("stays in force")
            self.wait_line(screen, "")
            self.assertEqual([(self.orders,)], self.sql("SELECT target FROM sluice.pause"))
        finally:
            holder.close()
        self.ok("resume", self.orders, key="k_oper")
        screen.keys("C-d").wait_ended()

    def test_20_ctrl_d_deletes_in_a_line_and_leaves_at_its_beginning(self):
        screen = self.screen()
        screen.type("abc").keys("C-a", "C-d")
        self.wait_line(screen, "bc", 0)
        screen.keys("C-k", "C-d")
        self.assertEqual(0, screen.wait_ended())
        self.assertIn("bye", screen.text())

    def test_20_exit_leaves_after_all_output_has_arrived(self):
        answer = self.run_ssh(text="help\n" * 20 + "exit\nversion\n")
        self.assertEqual(0, answer.code, answer)
        self.assertEqual(20 * self.ok("help").count("\n"), answer.out.count("\n") - answer.out.count("bye"))

    def dialogue(self, term, typed):
        """What arrives byte by byte at a terminal of this kind."""
        master, slave = pty.openpty()
        client = subprocess.Popen(self.access.ssh("-tt", key="k_oper"), stdin=slave, stdout=slave, stderr=slave,
                                  env={**os.environ, "TERM": term})
        os.close(slave)
        self.addCleanup(client.wait, 10)
        self.addCleanup(client.kill)
        seen, step, deadline = b"", 0, time.monotonic() + 30
        prompt = self.prompt.strip().encode()
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 0.2)[0]:
                # The client's own terminal is raw now; the next line is typed when a prompt stands at the end.
                if CODES.sub(b"", seen).rstrip().endswith(prompt) and step < len(typed):
                    os.write(master, typed[step])
                    step += 1
                continue
            try:
                more = os.read(master, 65536)
            except OSError:
                break
            if not more:
                break
            seen += more
        os.close(master)
        self.assertEqual(len(typed), step, seen)
        return seen

    def test_21_a_dumb_terminal_gets_no_escape_codes_at_all(self):
        for term in ("dumb", "", "xterm\x1b]0;x\x07"):
            with self.subTest(term):
                seen = self.dialogue(term, [b"whoanu\x7f\x7fmi\r", b"status\r", b"exit\r"])
                self.assertIn(b"operator", seen)
                self.assertNotIn(b"\x1b", seen)

    def test_21_an_old_terminal_gets_codes_of_our_list_only(self):
        seen = self.dialogue("vt100", [b"whoami\r", b"exit\r"])
        self.assertIn(b"operator", seen)
        rest = CODES.sub(b"", seen)
        self.assertNotIn(b"\x1b", rest)


if __name__ == "__main__":
    main()
