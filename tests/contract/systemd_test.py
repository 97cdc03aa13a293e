"""What `cmake --install` puts in place, and the unit as systemd's own tools judge it."""
import pathlib
import re
import shutil
import subprocess

import pytest

from support.sluice import Sluice, is_sanitized

INSTALLED = {
    "usr/bin/sluice", "usr/lib/systemd/system/sluice.service", "usr/lib/systemd/system/sluice@.service",
    "usr/lib/sysusers.d/sluice.conf", "usr/lib/tmpfiles.d/sluice.conf", "usr/share/doc/sluice/examples/sluice.toml",
    "usr/share/doc/sluice/operations.md", "usr/share/doc/sluice/configuration.md", "usr/share/doc/sluice/console.schema.json",
}
EXPOSURE = 1.5


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, **options)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Where it is installed."""
    folder = tmp_path_factory.mktemp("install")
    done = run("cmake", "--install", str(pathlib.Path(Sluice.binary).parent), "--prefix", "/usr",
               env={"DESTDIR": str(folder), "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stdout
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def unit(root, name):
    return (root / "usr/lib/systemd/system" / name).read_text()


def settings(root, name):
    """{key: [values]} of the unit, comments left out."""
    found = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", unit(root, name), re.M):
        found.setdefault(key, []).append(value)
    return found


def test_the_installation_holds_what_the_unit_needs(root):
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert INSTALLED <= files
    assert run(root / "usr/bin/sluice", "version").returncode == 0
    example = run(root / "usr/bin/sluice", "config", "sample").stdout
    assert example == (root / "usr/share/doc/sluice/examples/sluice.toml").read_text()


@pytest.mark.parametrize("name", ["sluice.service", "sluice@.service"])
def test_the_exposure_is_at_most_one_and_a_half(root, name):
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(root / "usr/lib/systemd/system" / name))
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)[1])
    print(f"{name}: exposure {exposure}")
    assert exposure <= EXPOSURE, done.stdout


@pytest.mark.parametrize("name", ["sluice.service", "sluice@.service"])
def test_systemd_finds_nothing_wrong_with_the_units(root, name, tmp_path):
    path = tmp_path / name.replace("@", "@shop")
    # verify looks for the programs in the system it runs on, where nothing is installed
    path.write_text(unit(root, name).replace("ExecStart=sluice", f"ExecStart={root}/usr/bin/sluice"))
    done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(path))
    assert (done.returncode, done.stdout) == (0, "")


def test_an_instance_has_a_file_and_a_state_of_its_own(root):
    one, many = settings(root, "sluice.service"), settings(root, "sluice@.service")
    assert many["ExecStart"] == ["sluice run --config /etc/sluice/%i.toml"]
    assert many["StateDirectory"] == ["sluice/%i"]
    differing = {key for key in one.keys() | many.keys() if one.get(key) != many.get(key)}
    assert differing == {"Description", "ExecStart", "StateDirectory"}


def test_user_and_folders_come_out_closed(root, tmp_path):
    (tmp_path / "etc").mkdir()
    users, folders = (root / "usr/lib" / kind / "sluice.conf" for kind in ("sysusers.d", "tmpfiles.d"))
    done = run("systemd-sysusers", f"--root={tmp_path}", str(users))
    assert done.returncode == 0, done.stdout
    account = next(line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("sluice:"))
    assert account.endswith(":/usr/sbin/nologin"), account
    done = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", str(folders))
    assert done.returncode == 0, done.stdout
    modes = {name: oct((tmp_path / name).stat().st_mode & 0o777)
             for name in ("etc/sluice", "etc/sluice/credentials", "etc/sluice/authorized_keys", "var/lib/sluice")}
    assert modes == {"etc/sluice": "0o750", "etc/sluice/credentials": "0o700", "etc/sluice/authorized_keys": "0o640",
                     "var/lib/sluice": "0o700"}
    # The owner is the user that the first step made: the name is in both files.
    number = int(account.split(":")[2])
    assert number == (tmp_path / "var/lib/sluice").stat().st_uid
    assert (tmp_path / "etc/sluice").stat().st_uid == 0


@pytest.mark.parametrize("name", ["sluice.service", "sluice@.service"])
def test_a_stop_is_over_before_systemd_kills(root, name):
    source = (pathlib.Path(__file__).resolve().parents[2] / "runtime/service_stop.cc").read_text()
    whole = int(re.search(r"stop_deadline\{(\d+)\}", source)[1])
    waited, = settings(root, name)["TimeoutStopSec"]
    assert whole + 2 <= int(waited.removesuffix("s"))


@pytest.mark.parametrize("name", ["sluice.service", "sluice@.service"])
def test_the_unit_limits_memory_and_threads_and_leaves_a_wrong_file_alone(root, name):
    found = settings(root, name)
    assert found["RestartPreventExitStatus"] == ["2"]
    assert all(re.fullmatch(r"\d+[MG]?", found[key][0]) for key in ("MemoryHigh", "MemoryMax", "TasksMax")), found


def test_the_program_is_hardened():
    if is_sanitized(Sluice.binary):
        pytest.skip("a sanitizer has flags of its own")
    told = run("readelf", "-W", "-d", "-l", "--dyn-syms", Sluice.binary).stdout
    assert re.search(r"FLAGS_1.*NOW.*PIE", told), "neither bound at start nor position independent"
    assert "GNU_RELRO" in told and re.search(r"GNU_STACK.* RW ", told)
    assert "__stack_chk_fail" in told and re.search(r"__\w+_chk@", told), "stack protector or FORTIFY is missing"
