"""What the scripts share that fetch a Java server with Maven, run it in a folder of its own, and end it by its pid."""
import fcntl
import functools
import hashlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("SLUICE_CACHE", ROOT / ".cache")).absolute()  # a server runs in another folder
NAME = pathlib.Path(sys.argv[0]).name
GIVEN = set()  # ports, by this process

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice</groupId><artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""
DEPENDENCY = "    <dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def fail(text):
    print(f"{NAME}: {text}", file=sys.stderr)
    sys.exit(1)


def once(folder, what, make):
    """Makes the folder with make(folder); its stamp is written last, and only one process makes it at a time."""
    stamp = folder / "complete"
    if stamp.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists():
            return
        print(f"{NAME}: fetching {what} into {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        make(folder)
        stamp.touch()


def fetched(command, what):
    """Runs what fetches something; a registry may have a bad moment."""
    for attempt in range(3):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        if done.returncode == 0:
            return
        time.sleep(2 * (attempt + 1))
    fail(f"could not fetch {what}:\n{done.stdout[-3000:]}")


def run_maven(arguments, what):
    if not shutil.which("mvn"):
        fail("Maven is missing: run tools/setup first")
    fetched(["mvn", "-B", "-q", *arguments], what)


def maven(folder, artifacts):
    """Leaves the jars of these artifacts, "group:name:version", and of what they need in the folder."""
    pom = folder.with_name(f"pom-{folder.name}.xml")
    pom.write_text(POM.format(name=folder.name, dependencies="\n".join(DEPENDENCY.format(*one.split(":")) for one in artifacts)))
    run_maven(["-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"], ", ".join(artifacts))


def verify(folder, listed, pattern="*.jar"):
    """Nothing else than what the file of hashes lists may be there: a class path is the whole folder."""
    wanted = dict(reversed(line.split()) for line in listed.read_text().splitlines())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob(pattern)}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        fail(f"{', '.join(wrong)} in {folder}: not the hashes of {listed}; remove the folder, and find out who changed them")


@functools.cache
def leases():
    """A file whose byte N is locked by the process that port N was given to, for as long as that lives."""
    return os.open(os.path.join(tempfile.gettempdir(), f"sluice-ports-{os.getuid()}"), os.O_RDWR | os.O_CREAT, 0o600)


def free_ports(count):
    """Below the ports that the system gives to outgoing connections: such a one would be taken before it is listened on, or
    while its server restarts."""
    ports, chance = [], random.SystemRandom()
    while len(ports) < count:
        port = chance.randrange(10_000, 32_768)
        try:
            if port in GIVEN:
                continue
            fcntl.lockf(leases(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            with socket.socket() as one:
                one.bind(("127.0.0.1", port))
        except OSError:
            continue
        GIVEN.add(port)
        ports.append(port)
    return ports


def java(memory, *arguments):
    return ["java", f"-Xmx{memory}", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true", *arguments]


def start_time(pid):
    """Of a living process, as the kernel counts; a zombie does not live."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    if fields[0] in "ZX":
        raise OSError("ended")
    return fields[19]


def start(folder, command):
    """Starts a server whose pid and log lie in the folder; it outlives this script."""
    with open(folder / "server.log", "ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=folder)
    (folder / "pid").write_text(f"{process.pid} {start_time(process.pid)}")


def living(folder):
    """The pid of the folder's server, or None. Its start time is compared too, as a pid may have been given to another."""
    try:
        pid, started = (folder / "pid").read_text().split()
        return int(pid) if start_time(pid) == started else None
    except (OSError, ValueError, IndexError):
        return None


def wait_ready(folder, is_ready, seconds, what):
    """is_ready() may raise OSError for no."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and living(folder):
        try:
            if is_ready():
                return
        except OSError:
            pass
        time.sleep(0.05)
    fail(f"{what} did not become ready:\n{(folder / 'server.log').read_text(errors='replace')[-3000:]}")


def end(folders, how, seconds):
    """Sends the signal and waits until the servers are gone; one that does not obey in time is killed."""
    for pid in filter(None, map(living, folders)):
        os.kill(pid, how)
    deadline = time.monotonic() + seconds
    for folder in folders:
        while pid := living(folder):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline = time.monotonic() + 5
            time.sleep(0.02)
