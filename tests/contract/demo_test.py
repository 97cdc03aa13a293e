"""`sluice demo` proves itself, ends by itself and on Ctrl-C, and leaves nothing behind."""

import json
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import time

import pytest

from support.sluice import Sluice

FOLDER = re.compile(r"/tmp/sluice-demo-\w{6}")


def processes_of(folder):
    """Command lines of the processes that name the demo's folder."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in line:
            found.append(line)
    return found


@pytest.fixture
def start():
    """start(*arguments) starts the demo; with the test it ends, and whatever it leaves behind is removed."""
    started = []

    def start_one(*arguments):
        started.append(subprocess.Popen([Sluice.binary, "demo", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True))
        return started[-1]

    yield start_one
    for demo in started:
        if demo.poll() is None:
            demo.kill()
            demo.wait(60)
        demo.stdout.close()


@pytest.fixture
def folder_of():
    """folder_of(text) is the folder that a demo has named; it is removed with the test."""
    found = []

    def folder(text):
        found.append(FOLDER.search(text)[0])
        return found[-1]

    yield folder
    for one in found:
        shutil.rmtree(one, ignore_errors=True)


def read_until(demo, wanted, seconds=120):
    """The demo's output up to the first line that matches; it writes one a second."""
    deadline = time.monotonic() + seconds
    text = ""
    while time.monotonic() < deadline:
        line = demo.stdout.readline()
        text += line
        if not line or re.search(wanted, line):
            break
    assert re.search(wanted, text)
    return text


def check_proof(text):
    assert "Proven: each event took effect exactly once." in text
    assert "FAILED" not in text
    assert len(re.findall(r"^  ok ", text, re.M)) == 6, text
    produced = int(re.search(r"^(\d+) events in", text, re.M)[1])
    assert f"asked over SSH, counts {produced} of {produced} events" in text
    assert int(re.search(r"^(\d+) events in", text, re.M)[1]) > 100


def check_gone(text):
    folder = FOLDER.search(text)[0]
    assert not pathlib.Path(folder).exists(), folder
    assert processes_of(folder) == []


def test_it_ends_by_itself_with_a_proof_and_leaves_nothing_behind(start):
    demo = start("--for", "6s", "--rate", "3000")
    text, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, text
    check_proof(text)
    check_gone(text)


def console(text, *command):
    """Types the line that the demo has printed, with a command at its end."""
    line = shlex.split(re.search(r"^  (ssh -p .*)$", text, re.M)[1])
    done = subprocess.run([line[0], "-F", "none", "-o", "BatchMode=yes", *line[1:], *command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), line
    return done.stdout


def test_the_printed_line_logs_in_and_ctrl_c_ends_it_with_the_same_proof(start):
    demo = start()
    text = read_until(demo, r"in effect [1-9]\d{3}")
    assert json.loads(console(text, "whoami", "--json"))["data"]["role"] == "admin"
    counted = json.loads(console(text, "count", "--json"))["data"]["topics"]
    assert sum(topic["applied"] for topic in counted) > 1000
    demo.send_signal(signal.SIGINT)
    rest, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, text + rest
    check_proof(rest)
    check_gone(text)


def test_its_processes_end_with_it_when_it_is_killed(start, folder_of):
    demo = start()
    text = read_until(demo, r"in effect [1-9]")
    folder = folder_of(text)
    assert processes_of(folder) != []
    demo.kill()
    demo.wait(60)
    deadline = time.monotonic() + 60
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(folder) == []


def test_it_fails_when_the_service_dies(start, folder_of):
    demo = start()
    text = read_until(demo, r"in effect [1-9]")
    folder = folder_of(text)
    pid = [int(entry.parent.name) for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline")
           if folder.encode() in entry.read_bytes() and b"\0run\0" in entry.read_bytes()]
    assert len(pid) == 1
    subprocess.run(["kill", "-9", str(pid[0])], check=True, timeout=60)
    rest, _ = demo.communicate(timeout=120)
    assert demo.returncode == 1, rest
    assert "the service has ended unexpectedly" in rest
    assert "Proven" not in rest
    assert processes_of(folder) == []
