"""The service under valgrind's memcheck while operators come and go: what the sanitizers cannot see is libssh itself."""
import shlex

import pytest

from support.console_service import running_console
from support.raw_ssh import Raw
from support.sluice import SUPPRESSIONS
from support.waiting import wait_until

MEMCHECK = ["valgrind", "-q", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
            "--error-exitcode=99", f"--suppressions={SUPPRESSIONS}/valgrind.txt"]


@pytest.fixture
def console(broker, postgres, monkeypatch):
    monkeypatch.setenv("SLUICE_WRAPPER", shlex.join(MEMCHECK))
    with running_console(broker, postgres, "memcheck", records=200) as service:
        yield service


def test_logins_commands_a_session_and_a_killed_client_touch_no_memory_that_is_not_theirs(console):
    for words in (("status", "--json"), ("count",), ("dead", "list"), ("help",)):
        console.ok(*words)
    assert console.run_ssh("pasue").code == 2
    assert console.run_ssh("status", key="k_none").code == 255
    console.ok(text="version\nwhoami\npartitions\n")
    third = f"{console.orders}/3"
    console.ok("pause", third, "--reason", "memcheck", key="k_oper")
    console.ok("resume", third, key="k_oper")
    screen = console.screen(key="k_view")
    screen.type("statu").keys("Tab", "Enter").wait("lag", 60)
    screen.keys("Up", "C-a", "C-k", "C-d").wait_ended(60)
    killed = console.popen("drain", "--reason", "test", "--yes", key="k_oper")
    wait_until(lambda: len(console.sessions()) > 1 or killed.poll() is not None, "its session")
    killed.kill()
    killed.communicate(timeout=60)
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        raw.transport.open_session(timeout=60).exec_command("status")
    console.ok("resume", "all", key="k_oper")
    wait_until(lambda: len(console.sessions()) == 1, lambda: console.ok("sessions"))
    code = console.live.stop(120)
    found = [line for line in console.live.log().splitlines() if line.startswith("==")]
    assert (code, found) == (0, []), "\n".join(found[:60])
