#!/usr/bin/python3
"""What `cmake --install` puts in place, and the unit as systemd's own tools judge it. Usage: systemd_test.py --sluice PATH"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SLUICE = pathlib.Path("sluice")
INSTALLED = {
    "usr/bin/sluice", "usr/lib/systemd/system/sluice.service", "usr/lib/systemd/system/sluice@.service",
    "usr/lib/sysusers.d/sluice.conf", "usr/lib/tmpfiles.d/sluice.conf", "usr/share/doc/sluice/examples/sluice.toml",
    "usr/share/doc/sluice/operations.md", "usr/share/doc/sluice/configuration.md",
}
EXPOSURE = 1.5


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, **options)


class Systemd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        done = run("cmake", "--install", str(SLUICE.parent), "--prefix", "/usr", env={"DESTDIR": str(cls.root), "PATH": "/usr/bin:/bin"})
        assert done.returncode == 0, done.stdout

    def unit(self, name):
        return (self.root / "usr/lib/systemd/system" / name).read_text()

    def settings(self, name):
        """{key: [values]} of the unit, comments left out."""
        found = {}
        for key, value in re.findall(r"^(\w+)=(.*)$", self.unit(name), re.M):
            found.setdefault(key, []).append(value)
        return found

    def test_the_installation_holds_what_the_unit_needs(self):
        files = {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}
        self.assertLessEqual(INSTALLED, files)
        self.assertEqual(0, run(self.root / "usr/bin/sluice", "version").returncode)
        example = run(self.root / "usr/bin/sluice", "config", "sample").stdout
        self.assertEqual(example, (self.root / "usr/share/doc/sluice/examples/sluice.toml").read_text())

    def test_the_exposure_is_at_most_one_and_a_half(self):
        for name in ("sluice.service", "sluice@.service"):
            done = run("systemd-analyze", "security", "--offline=true", "--no-pager",
                       str(self.root / "usr/lib/systemd/system" / name))
            exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)[1])
            print(f"{name}: exposure {exposure}")
            self.assertLessEqual(exposure, EXPOSURE, done.stdout)

    def test_systemd_finds_nothing_wrong_with_the_units(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("sluice.service", "sluice@.service"):
                path = pathlib.Path(folder, name)
                # verify looks for the programs in the system it runs on, where nothing is installed
                path.write_text(self.unit(name).replace("ExecStart=sluice", f"ExecStart={self.root}/usr/bin/sluice"))
                target = path if "@" not in name else path.with_name("sluice@shop.service")
                if target != path:
                    path.rename(target)
                done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(target))
                self.assertEqual((0, ""), (done.returncode, done.stdout), name)

    def test_an_instance_has_a_file_and_a_state_of_its_own(self):
        one, many = self.settings("sluice.service"), self.settings("sluice@.service")
        self.assertEqual(["sluice run --config /etc/sluice/%i.toml"], many["ExecStart"])
        self.assertEqual(["sluice/%i"], many["StateDirectory"])
        differing = {key for key in one.keys() | many.keys() if one.get(key) != many.get(key)}
        self.assertEqual({"Description", "ExecStart", "StateDirectory"}, differing)

    def test_user_and_folders_come_out_closed(self):
        root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-root-"))
        self.addCleanup(shutil.rmtree, root, ignore_errors=True)
        (root / "etc").mkdir()
        users, folders = (self.root / "usr/lib" / kind / "sluice.conf" for kind in ("sysusers.d", "tmpfiles.d"))
        done = run("systemd-sysusers", f"--root={root}", str(users))
        self.assertEqual(0, done.returncode, done.stdout)
        account = next(line for line in (root / "etc/passwd").read_text().splitlines() if line.startswith("sluice:"))
        self.assertTrue(account.endswith(":/usr/sbin/nologin"), account)
        done = run("systemd-tmpfiles", "--create", f"--root={root}", str(folders))
        self.assertEqual(0, done.returncode, done.stdout)
        modes = {name: oct((root / name).stat().st_mode & 0o777)
                 for name in ("etc/sluice", "etc/sluice/credentials", "etc/sluice/authorized_keys", "var/lib/sluice")}
        self.assertEqual({"etc/sluice": "0o750", "etc/sluice/credentials": "0o700",
                          "etc/sluice/authorized_keys": "0o640", "var/lib/sluice": "0o700"}, modes)
        # The owner is the user that the first step made: the name is in both files.
        number = int(account.split(":")[2])
        self.assertEqual(number, (root / "var/lib/sluice").stat().st_uid)
        self.assertEqual(0, (root / "etc/sluice").stat().st_uid)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--sluice", required=True, type=pathlib.Path)
    options, others = parser.parse_known_args()
    SLUICE = options.sluice
    unittest.main(argv=[sys.argv[0], *others], verbosity=2)
