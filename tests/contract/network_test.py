"""What strangers reach, while the start waits for PostgreSQL: neither Kafka nor PostgreSQL is needed, so these are quick."""
import contextlib
import json
import os
import pathlib
import re
import resource
import socket
import stat
import subprocess
import sys
import time

import pytest

from support.console import Access
from support.pipeline import Nowhere, route, running_services
from support.sluice import NOBODY, configuration, run
from support.waiting import free_port, wait_until

ROUTE = route("a", "public.a")
PROXY = "import os,socket,sys,threading;s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1])\n" \
        "def up():\n while d:=os.read(0,65536): s.sendall(d)\n" \
        "threading.Thread(target=up,daemon=True).start()\nwhile d:=s.recv(65536): os.write(1,d)\n"


@contextlib.contextmanager
def waiting(listen=None):
    """(a service whose PostgreSQL and Kafka are not there, its keys)."""
    with Access() as access, running_services(Nowhere, Nowhere) as services:
        console = access.toml()
        if listen:
            console = re.sub(r'listen = "[^"]*"', f'listen = "{listen}"', console)
        service = services(ROUTE, console=console).start(ready=False)
        wait_until(lambda: "waiting for PostgreSQL" in service.log(), service.tail)
        yield service, access
        assert service.running(), service.tail()


@pytest.fixture(scope="module")
def live():
    with waiting() as both:
        yield both


@pytest.fixture
def service(live):
    return live[0]


@pytest.fixture
def access(live):
    return live[1]


def limit(service, kind, most):
    resource.prlimit(service.process.pid, kind, (most, resource.prlimit(service.process.pid, kind)[1]))


def cpu_seconds(service):
    fields = pathlib.Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def crowd():
    with contextlib.ExitStack() as stack:
        yield lambda port, count: [stack.enter_context(socket.create_connection(("127.0.0.1", port), 60)) for _ in range(count)]


def test_health_is_good_while_the_start_waits_on_purpose(service):
    assert service.get("/healthz") == (200, "ok\n")
    code, text = service.get("/readyz")
    assert code == 503
    assert "secret_user" not in text
    assert "127.0.0.1" not in text


def test_probes_are_answered_beside_every_kind_of_slow_client(service, crowd):
    before = service.status_of("VmRSS")

    def slowest_probe():
        slow, took = crowd(service.port, 200), []
        for turn in range(20):
            for one in slow:
                with contextlib.suppress(OSError):
                    one.send(b"GET /metrics HTTP/1.1"[turn:turn + 1])
            begin = time.monotonic()
            assert service.get("/healthz")[0] == 200
            took.append(time.monotonic() - begin)
            time.sleep(0.05)
        for one in slow:
            one.close()
        print(f"slowest probe {max(took):.3f} s")
        return max(took)

    wait_until(lambda: slowest_probe() < 1, "an attempt without a slow probe: a busy machine makes some slow, a mistake all")
    for begin, part in ((b"GET /", b"a" * 65536), (b"GET / HTTP/1.1\r\n", b"Name: value\r\n" * 5000),
                        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"a" * 65535 + b"\r\n")):
        one, = crowd(service.port, 1)
        with contextlib.suppress(OSError):
            one.sendall(begin)
            for _ in range(640):
                one.sendall(part)
    assert service.get("/healthz")[0] == 200
    growth = (service.status_of("VmRSS") - before) / 1024
    print(f"resident {growth:+.1f} MiB")
    assert growth < 10


def test_keys_are_reloaded_while_the_start_waits_and_an_error_keeps_the_old_ones_and_is_shown(service, access):
    assert access.run("status").code == 0
    access.make_key("k_late")
    access.write_keys(access.line("k_late"))
    service.reload()
    assert access.run("status", key="k_late").code == 0
    service.expected.append("there is no command 'pasue'")
    access.write_keys(access.line("k_late", commands="pasue"))
    service.reload()
    assert access.run("status", key="k_late").code == 0
    assert "there is no command 'pasue'" in access.run("status").out
    assert "sluice_config_last_reload_successful 0" in service.get("/metrics")[1]
    access.write_keys()
    service.reload()
    assert access.run("status", key="k_late").code == 255
    assert "sluice_config_last_reload_successful 1" in service.get("/metrics")[1]


def test_a_session_ends_when_its_key_would_not_be_let_in_any_more(service, access):
    for change in ({"expiry_time": "20200101Z"}, {"from": "10.9.9.9"}, {"no_pty": True}):
        access.write_keys(access.line("k_none", "viewer"))
        service.reload()
        seen = service.log().count(" logged in ")
        client = access.popen(key="k_none")
        try:
            wait_until(lambda: service.log().count(" logged in ") > seen, "a login")  # noqa: B023
            access.write_keys(access.line("k_none", "viewer", **change))
            service.reload()
            client.communicate(timeout=60)
        finally:
            client.kill()
        assert client.returncode != 0
        ended = service.log().rpartition(" logged in ")[2]  # what came after that login
        assert re.search("none ended: (your key is not accepted any more|your rights were changed)", ended), ended
    access.write_keys()
    service.reload()


def test_without_threads_memory_or_descriptors_a_connection_is_lost_and_nothing_else(service, access, crowd):
    for kind, most in ((resource.RLIMIT_AS, service.status_of("VmSize") * 1024 + 300_000),
                       (resource.RLIMIT_NOFILE, len(os.listdir(f"/proc/{service.process.pid}/fd")) + 4)):
        before = resource.prlimit(service.process.pid, kind)
        limit(service, kind, most)
        for number, one in enumerate(crowd(access.port, 42)):
            with contextlib.suppress(OSError):
                one.sendall((b"", b"SSH-2.0-x\r\n", b"SSH-2.0")[number % 3])
        access.run("status", seconds=60)
        begin, used = time.monotonic(), cpu_seconds(service)
        time.sleep(1)
        assert cpu_seconds(service) - used < 0.5 * (time.monotonic() - begin), "it does not spin"
        assert service.running(), service.tail()
        resource.prlimit(service.process.pid, kind, before)
        wait_until(lambda: access.run("status").code == 0, service.tail)
        assert service.get("/healthz")[0] == 200
    assert "connections are refused" in service.log()


def test_a_unix_socket_is_for_its_owner_and_group_and_outlives_a_killed_service(tmp_path):
    path = tmp_path / "console.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()  # as a process that was killed leaves it behind
    with waiting(listen=f"unix:{path}") as (service, access):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        proxy = access.folder / "proxy.py"
        proxy.write_text(PROXY)
        options = [f"ProxyCommand={sys.executable} {proxy} {path}"]
        who = access.run("whoami", "--json", options=options)
        assert who.code == 0, who
        assert json.loads(who.out)["data"]["address"] == f"local user {os.getuid()}"
        assert access.run("whoami", key="k_none", options=options).code == 255, "a key is still needed"
        config = access.folder / "second.toml"
        config.write_text(pathlib.Path(service.config).read_text().replace(str(service.port), str(free_port())))
        second = run("run", "--config", str(config), seconds=60)
        assert second.returncode == 2
        assert re.search(f"{path}.*another one listens", second.stderr), second.stderr
        assert service.stop() == 0
        assert not path.exists()
        service.start(ready=False)
        wait_until(path.exists, service.tail)


def check(access, *replaced):
    config = access.folder / "sluice.toml"
    text = configuration(ROUTE, console=access.toml())
    config.write_text(text.replace(*replaced) if replaced else text)
    return run("check", "--config", str(config), seconds=60)


def test_check_reads_the_files_of_the_console():
    with Access() as access:
        done = check(access)
        assert done.returncode == 0, done
        assert "3 keys" in done.stdout
        assert "made at the start" in done.stdout
        for line, word in (("nonsense", "4"), (access.line("k_none", commands="status,sttaus"), "'sttaus'")):
            access.write_keys(line)
            done = check(access)
            assert done.returncode == 2, done
            assert word in done.stderr
        access.write_keys()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(access.host_key)], check=True, timeout=60)
        assert "SHA256:" in check(access).stdout
        access.host_key.chmod(0o644)
        done = check(access)
        assert (done.returncode, "chmod 600" in done.stderr) == (2, True)
        access.host_key.chmod(0o600)
        done = check(access, str(access.host_key), f"${{file:{access.host_key}}}")
        assert done.returncode == 0, done
        assert "PRIVATE" not in done.stdout + done.stderr


def test_publish_takes_properties_from_a_file_and_secrets_by_reference(tmp_path):
    properties = tmp_path / "properties"
    properties.write_text("# for the broker\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=u\nsasl.password=${env:ABSENT_SECRET}\n")
    words = ("publish", "--brokers", NOBODY, "--topic", "t", "--properties-file", str(properties),
             "--property", "message.timeout.ms=500")
    done = run(*words, seconds=60)
    assert done.returncode == 2
    assert "${env:ABSENT_SECRET} is not set" in done.stderr
    done = run(*words, text='{"id":1}\n', ABSENT_SECRET="x")
    assert done.returncode == 1, done
    assert "ABSENT_SECRET" not in done.stderr
