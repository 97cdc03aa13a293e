"""`sluice demo` proves itself, ends by itself and on Ctrl-C, and leaves nothing behind. Usage: demo_test.py --sluice PATH"""

import argparse
import json
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import unittest

SLUICE = "sluice"
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


class Demo(unittest.TestCase):
    def start(self, *arguments):
        demo = subprocess.Popen([SLUICE, "demo", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(demo.stdout.close)
        self.addCleanup(lambda: demo.poll() is None and demo.kill())
        return demo

    def read_until(self, demo, wanted, seconds=60):
        """The demo's output up to the first line that matches; it writes one a second."""
        deadline = time.monotonic() + seconds
        text = ""
        while time.monotonic() < deadline:
            line = demo.stdout.readline()
            text += line
            if not line or re.search(wanted, line):
                break
        self.assertRegex(text, wanted)
        return text

    def check_proof(self, text):
        self.assertIn("Proven: each event took effect exactly once.", text)
        self.assertNotIn("FAILED", text)
        self.assertEqual(6, len(re.findall(r"^  ok ", text, re.M)), text)
        produced = int(re.search(r"^(\d+) events in", text, re.M)[1])
        self.assertIn(f"asked over SSH, counts {produced} of {produced} events", text)
        self.assertGreater(int(re.search(r"^(\d+) events in", text, re.M)[1]), 100)

    def check_gone(self, text):
        folder = FOLDER.search(text)[0]
        self.assertFalse(pathlib.Path(folder).exists(), folder)
        self.assertEqual([], processes_of(folder))

    def test_it_ends_by_itself_with_a_proof_and_leaves_nothing_behind(self):
        demo = self.start("--for", "6s", "--rate", "3000")
        text, _ = demo.communicate(timeout=120)
        self.assertEqual(0, demo.returncode, text)
        self.check_proof(text)
        self.check_gone(text)

    def console(self, text, *command):
        """Types the line that the demo has printed, with a command at its end."""
        line = shlex.split(re.search(r"^  (ssh -p .*)$", text, re.M)[1])
        done = subprocess.run([line[0], "-F", "none", "-o", "BatchMode=yes", *line[1:], *command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
        self.assertEqual((0, ""), (done.returncode, done.stderr), line)
        return done.stdout

    def test_the_printed_line_logs_in_and_ctrl_c_ends_it_with_the_same_proof(self):
        demo = self.start()
        text = self.read_until(demo, r"in effect [1-9]\d{3}")
        self.assertEqual("admin", json.loads(self.console(text, "whoami", "--json"))["data"]["role"])
        counted = json.loads(self.console(text, "count", "--json"))["data"]["topics"]
        self.assertGreater(sum(topic["applied"] for topic in counted), 1000)
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=90)
        self.assertEqual(0, demo.returncode, text + rest)
        self.check_proof(rest)
        self.check_gone(text)

    def test_its_processes_end_with_it_when_it_is_killed(self):
        demo = self.start()
        text = self.read_until(demo, r"in effect [1-9]")
        folder = FOLDER.search(text)[0]
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.assertNotEqual([], processes_of(folder))
        demo.kill()
        demo.wait(10)
        deadline = time.monotonic() + 30
        while processes_of(folder) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual([], processes_of(folder))

    def test_it_fails_when_the_service_dies(self):
        demo = self.start()
        text = self.read_until(demo, r"in effect [1-9]")
        folder = FOLDER.search(text)[0]
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        pid = [int(entry.parent.name) for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline")
               if folder.encode() in entry.read_bytes() and b"\0run\0" in entry.read_bytes()]
        self.assertEqual(1, len(pid))
        subprocess.run(["kill", "-9", str(pid[0])], check=True, timeout=10)
        rest, _ = demo.communicate(timeout=60)
        self.assertEqual(1, demo.returncode, rest)
        self.assertIn("the service has ended by itself", rest)
        self.assertNotIn("Proven", rest)
        self.assertEqual([], processes_of(folder))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--sluice", required=True)
    options, others = parser.parse_known_args()
    SLUICE = options.sluice
    unittest.main(argv=[sys.argv[0], *others], verbosity=2)
