#!/usr/bin/python3
"""The service under valgrind's memcheck while operators come and go: what the sanitizers cannot see is libssh itself."""
import os
import pathlib
import shlex
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import main  # noqa: E402
from support.console_case import ConsoleCase  # noqa: E402
from support.raw_ssh import Raw  # noqa: E402
from support.sluice import SUPPRESSIONS  # noqa: E402
from support.waiting import wait_until  # noqa: E402

MEMCHECK = ["valgrind", "-q", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
            "--error-exitcode=99", f"--suppressions={SUPPRESSIONS}/valgrind.txt"]


class Memcheck(ConsoleCase):
    records = 200

    @classmethod
    def setUpClass(cls):
        os.environ["SLUICE_WRAPPER"] = shlex.join(MEMCHECK)

    def test_logins_commands_a_session_and_a_killed_client_touch_no_memory_that_is_not_theirs(self):
        for words in (("status", "--json"), ("count",), ("dead", "list"), ("help",)):
            self.ok(*words)
        self.assertEqual(2, self.run_ssh("pasue").code)
        self.assertEqual(255, self.run_ssh("status", key="k_none").code)
        self.ok(text="version\nwhoami\npartitions\n")
        third = f"{self.orders}/3"
        self.ok("pause", third, "--reason", "memcheck", key="k_oper", seconds=60)
        self.ok("resume", third, key="k_oper", seconds=60)
        screen = self.screen(key="k_view")
        screen.type("stat").keys("Tab", "Enter").wait("lag", 30)
        screen.keys("Up", "C-a", "C-k", "C-d").wait_ended(30)
        killed = self.access.popen("drain", key="k_oper")
        wait_until(lambda: len(self.sessions()) > 1 or killed.poll() is not None, "its session", 30)
        killed.kill()
        killed.communicate(timeout=10)
        with Raw(self.access.port).log_in(self.access.folder, "k_view") as raw:
            raw.transport.open_session(timeout=20).exec_command("status")
        self.ok("resume", "all", key="k_oper", seconds=60)
        wait_until(lambda: len(self.sessions()) == 1, lambda: self.ok("sessions"), 30)
        code = self.live.stop(120)
        found = [line for line in self.live.log().splitlines() if line.startswith("==")]
        self.assertEqual((0, []), (code, found), "\n".join(found[:60]))

    def check_after(self):
        self.assertFalse(self.live.running(), "memcheck's verdict comes with its end")


if __name__ == "__main__":
    main()
