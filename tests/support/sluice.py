"""The service under test: a process of its own with a configuration, a captured log and signals by pid; and the program as
scripts run it.
"""
import contextlib
import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

from support.waiting import free_port, wait_until

SUPPRESSIONS = pathlib.Path(__file__).resolve().parent / "suppressions"
SANITIZER = re.compile(r"ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer|runtime error:")
ERROR_LINE = re.compile(r"^\S+Z (error|critical) ")

NOBODY = "127.0.0.1:1"  # where nobody listens
CONFIG = """pipeline = "{pipeline}"
[kafka]
brokers = "{brokers}"
group = "{group}"
{kafka}
[kafka.properties]
{properties}
[postgres]
url = {url}
{postgres}
[console]
{console}
[http]
{http}
{rest}
"""


def configuration(routes, brokers=NOBODY, url=f"postgresql://app@{NOBODY}/shop", pipeline="shop", group=None, kafka="", properties="",
                  postgres="", console='listen = ""', http='listen = ""', rest=""):
    """A file's text. routes: the [[route]] tables; the others by the section that they are lines of, rest: further sections."""
    return CONFIG.format(pipeline=pipeline, brokers=brokers, group=group or pipeline, kafka=kafka, properties=properties,
                         url=json.dumps(url), postgres=postgres, console=console, http=http, rest=f"{rest}\n{routes}")


def environment(**more):
    """For our binaries: sanitizers that fail loudly, with foreign code suppressed by name; the libraries of --libraries."""
    libraries = {"LD_LIBRARY_PATH": Sluice.libraries} if Sluice.libraries else {}
    options = {
        "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1",
        "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}/lsan.txt:print_suppressions=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "TSAN_OPTIONS": f"suppressions={SUPPRESSIONS}/tsan.txt:second_deadlock_stack=1",
    }
    return {**os.environ, **options, **libraries, **more}


@functools.cache
def is_sanitized(binary):
    """Whether it was built with a sanitizer, which gcc links as a library and clang into the program."""
    text = pathlib.Path(binary).read_bytes()
    return any(name in text for name in (b"__asan_init", b"__tsan_init"))


def run(*words, text="", seconds=60, **env):
    """The program until it ends, with `text` on stdin. What it prints is text, whatever bytes it holds."""
    return subprocess.run([Sluice.binary, *words], input=text, capture_output=True, encoding="utf-8", errors="surrogateescape",
                          timeout=seconds, env=environment(**env))


class Sluice:
    binary = "sluice"  # set from --sluice
    libraries = None  # set from --libraries: a folder whose libraries take the place of those that it was linked with
    present = []  # those whose folder is still there: what a failure shows

    def __init__(self, brokers, url, routes, pipeline="test", group=None, kafka="", properties="", postgres="", rest="",
                 console='listen = ""', level="info", session=6000, **env):
        """routes: the [[route]] tables as TOML. Further TOML by section in kafka, properties, postgres, console and rest."""
        self.dir = tempfile.mkdtemp(prefix="sluice-service-")
        self.port = free_port()
        self.config = os.path.join(self.dir, "sluice.toml")
        self.log_path = os.path.join(self.dir, "sluice.log")
        self.env = environment(**env)
        self.process = None
        self.expected = []  # patterns of error lines that the test provokes
        self.present.append(self)
        pathlib.Path(self.config).write_text(configuration(
            routes, brokers, url, pipeline, group, kafka, f'"session.timeout.ms" = "{session}"\n{properties}', postgres, console,
            f'listen = "127.0.0.1:{self.port}"', f'[log]\nlevel = "{level}"\n{rest}'), encoding="utf-8")

    def start(self, ready=True):
        wrapper = shlex.split(os.environ.get("SLUICE_WRAPPER", ""))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*wrapper, self.binary, "run", "--config", self.config], env=self.env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=120):
        def is_ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended with {self.process.returncode}:\n{self.tail()}")
            return self.get("/readyz")[0] == 200
        wait_until(is_ready, lambda: f"the service is not ready: {self.get('/readyz')}\n{self.tail()}", seconds)

    def get(self, path):
        """(status, body); status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metrics(self):
        """Samples of /metrics by name with labels, as printed."""
        lines = self.get("/metrics")[1].splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line and line[0] != "#"}

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        os.kill(self.process.pid, number)

    def reload(self):
        """SIGHUP, and until the log says what became of the keys; returns what it has said since."""
        seen = len(self.log())
        self.signal(signal.SIGHUP)
        wait_until(lambda: re.search(r"keys (in|stay).*\n", self.log()[seen:]), self.tail)
        return self.log()[seen:]

    def status_of(self, field):
        """A number of /proc/PID/status."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.M)[1])

    def resident(self):
        """MiB."""
        return self.status_of("VmRSS") / 1024

    def stop(self, seconds=60):
        """SIGTERM; returns the exit code."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds=60):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"the service did not end within {seconds} s:\n{self.tail()}") from None

    def kill9(self):
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        self.process.wait(60)

    def remove(self):
        if self.running():
            self.kill9()
        shutil.rmtree(self.dir, ignore_errors=True)
        if self in self.present:
            self.present.remove(self)

    def log(self):
        with contextlib.suppress(OSError), open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()
        return ""

    def tail(self, characters=3000):
        return self.log()[-characters:]

    def trouble(self):
        """Lines of the log that no test asked for."""
        return [line for line in self.log().splitlines()
                if SANITIZER.search(line)
                or (ERROR_LINE.match(line) and not any(re.search(pattern, line) for pattern in self.expected))]
