#!/usr/bin/python3
"""Who gets in, and who does not: console_cases.md 1-4 and 6-8, with the OpenSSH client and raw messages."""
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import paramiko  # noqa: E402
from support.case import main  # noqa: E402
from support.console_case import ConsoleCase  # noqa: E402
from support.raw_ssh import Junk, Raw, SecurityKey  # noqa: E402
from support.sluice import Sluice  # noqa: E402
from support.waiting import wait_until  # noqa: E402

DENIED = "Permission denied (publickey)"


class Login(ConsoleCase):
    def tearDown(self):
        self.access.write_keys()

    def denied(self, **how):
        answer = self.run_ssh("status", **how)
        self.assertEqual(255, answer.code, answer)
        self.assertEqual("", answer.out)
        return answer

    def test_01_every_key_type_logs_in_and_the_identity_is_the_keys(self):
        for kind, bits in (("ed25519", None), ("ecdsa", 256), ("ecdsa", 521), ("rsa", 3072)):
            name = f"k_{kind}{bits or ''}"
            self.access.make_key(name, kind, bits)
            self.access.write_keys(self.access.line(name, "operator"))
            self.reload()
            who = self.data("whoami", key=name)
            self.assertEqual(("operator", self.access.fingerprint(name)), (who["role"], who["fingerprint"]), kind)
            self.assertEqual(name[2:], who["name"])
        wait_until(lambda: any(row[0] == "rsa3072" and row[6].startswith("127.0.0.1:") for row in self.audit("login%")),
                   lambda: f"a row in the audit trail: {self.audit()}", 20)

    def test_01_a_security_key_logs_in(self):
        key = SecurityKey()
        self.access.write_keys(f'role="viewer",name="token" {key.line()}')
        self.reload()
        with Raw(self.access.port) as raw:
            raw.transport.auth_publickey("ops", key)
            self.assertTrue(raw.transport.is_authenticated())

    def test_01_modern_algorithms_and_no_compression(self):
        answer = self.run_ssh("-vvv", "-C", "version")
        self.assertEqual(0, answer.code, answer)
        for text in ("curve25519-sha256", "will use strict KEX ordering", "compression: none"):
            self.assertIn(text, answer.err)

    def test_02_an_unlisted_key_is_denied(self):
        answer = self.denied(key="k_none")
        self.assertIn(DENIED, answer.err)
        print(f"    denied in {answer.took:.2f} s")

    def test_02_an_agent_full_of_unlisted_keys_is_dropped_after_six_tries_and_others_get_in(self):
        socket = self.access.folder / "agent"
        agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
        self.addCleanup(agent.wait, 10)
        self.addCleanup(agent.terminate)
        wait_until(socket.exists, "the agent's socket", 10)
        env = {"SSH_AUTH_SOCK": str(socket)}
        names = [f"unlisted{n}" for n in range(8)]
        for name in names:
            self.access.make_key(name)
        subprocess.run(["ssh-add", "-q", *(str(self.access.folder / name) for name in names)], env={**os.environ, **env},
                       check=True, timeout=20)
        seen = len(self.live.log())
        answer = self.denied(key="unlisted0", env=env, options=["IdentitiesOnly=no", f"IdentityAgent={socket}",
                                                                "BindAddress=127.0.0.9"])
        wait_until(lambda: re.search(r"127\.0\.0\.9:\d+ after 6 tries", self.live.log()[seen:]), self.live.tail, 10)
        self.assertEqual(1, self.live.log()[seen:].count("127.0.0.9"), "one line for the address")
        self.ok("status")  # from 127.0.0.1
        # The address is in the penalty box: closed before anything is said, and let in again later.
        self.denied(options=["BindAddress=127.0.0.9"])
        wait_until(lambda: self.run_ssh("version", options=["BindAddress=127.0.0.9"]).code == 0, "the end of the penalty", 60,
                   every=1)

    def test_03_a_wrong_user_is_denied_with_a_listed_key_and_logged_in_short(self):
        seen = len(self.live.log())
        self.assertIn(DENIED, self.denied(user="root").err)
        key = paramiko.Ed25519Key.from_private_key_file(str(self.access.folder / "k_view"))
        for user in ("x" * 200_000, "ops\x1b[31m\r\nroot", " ", "ops\0root"):
            with Raw(self.access.port, "127.0.0.10") as raw, self.assertRaises(paramiko.SSHException):
                raw.transport.auth_publickey(user, key)
        log = self.live.log()[seen:]
        self.assertNotIn("x" * 40, log)
        self.assertTrue(all(len(line) < 400 for line in log.splitlines()))

    def test_04_what_cannot_be_verified_does_not_log_in(self):
        key = paramiko.Ed25519Key.from_private_key_file(str(self.access.folder / "k_view"))
        for source, junk in enumerate((Junk(key, signature=b"\0" * 64), Junk(key, signature=b"junk"), Junk(key, blob=b"junk"),
                                        Junk(key, name="ssh-unknown", blob=b"\0\0\0\x0bssh-unknown" + b"\0" * 36))):
            # Each from an address of its own: after the deadline an address has to wait.
            with Raw(self.access.port, f"127.0.4.{source + 1}") as raw, self.assertRaises(paramiko.SSHException):
                raw.transport.auth_timeout = 20  # silence: only the server's deadline ends it
                raw.transport.auth_publickey("ops", junk)
            self.assertFalse(raw.transport.is_authenticated())

    def test_04_sha1_signatures_and_passwords_are_refused(self):
        self.access.make_key("k_rsa", "rsa", 3072)
        self.access.write_keys(self.access.line("k_rsa"))
        self.reload()
        self.ok("version", key="k_rsa")
        key = paramiko.RSAKey.from_private_key_file(str(self.access.folder / "k_rsa"))
        old = {"pubkeys": ["rsa-sha2-512", "rsa-sha2-256"]}
        with Raw(self.access.port, "127.0.0.12", disabled_algorithms=old) as raw, self.assertRaises(paramiko.SSHException):
            raw.transport.auth_timeout = 20
            raw.transport.auth_publickey("ops", key)
        with Raw(self.access.port, "127.0.0.13") as raw:
            with self.assertRaises(paramiko.SSHException):
                raw.transport.auth_password("ops", "secret")
            with self.assertRaises(paramiko.SSHException):
                raw.transport.auth_interactive("ops", lambda *_: ["secret"])
            self.assertFalse(raw.transport.is_authenticated())

    def test_04_a_certificate_falls_back_to_its_plain_key(self):
        folder = self.access.folder
        self.access.make_key("authority")
        subprocess.run(["ssh-keygen", "-q", "-s", str(folder / "authority"), "-I", "id", "-n", "ops", str(folder / "k_view.pub")],
                       check=True, timeout=20)
        self.addCleanup((folder / "k_view-cert.pub").unlink)
        self.ok("version")

    def test_04_a_thousand_unknown_methods_end_after_six(self):
        with Raw(self.access.port, "127.0.0.14") as raw:
            sent = raw.flood_with_method("teleport", 1000)
            wait_until(lambda: not raw.transport.is_active(), "the end of the connection", 20)
            self.assertFalse(raw.transport.is_authenticated())
            print(f"    {sent} requests were taken off our hands")

    def test_06_options_of_keys_hold(self):
        lines = {"k_far": {"from": "10.0.0.0/8"}, "k_old": {"expiry_time": "20200101Z"}, "k_probe": {"commands": "check,status"},
                 "k_plain": {"no_pty": True}, "k_single": {"max_sessions": 1}}
        for name in lines:
            self.access.make_key(name)
        self.access.write_keys(*(self.access.line(name, "operator", **options) for name, options in lines.items()))
        self.reload()
        self.assertIn(DENIED, self.denied(key="k_far", options=["BindAddress=127.0.0.1"]).err)
        self.assertIn(DENIED, self.denied(key="k_old").err)
        self.ok("status", key="k_probe")
        self.refused(3, "not allowed|may not", "pause", "all", "--reason", "x", key="k_probe")
        answer = self.run_ssh("-tt", "status", key="k_plain")
        self.assertIn("PTY allocation request failed", answer.err)
        self.assertNotIn("\x1b", answer.out)
        first = self.screen(key="k_single")
        answer = self.run_ssh("status", key="k_single")
        self.assertEqual(255, answer.code)
        self.assertIn("too many sessions", answer.err)
        first.keys("C-d")
        first.wait_ended()

    def test_07_a_reload_adds_removes_and_refuses(self):
        self.access.make_key("k_new")
        self.denied(key="k_new", options=["BindAddress=127.0.0.15"])
        self.access.write_keys(self.access.line("k_new"))
        self.reload()
        self.ok("version", key="k_new")
        screen = self.screen(key="k_new")
        self.access.write_keys("this is no key")
        self.live.expected.append("not reloaded|authorized_keys")
        self.assertRegex(self.reload(), r"authorized_keys:4: ")
        self.ok("version", key="k_new")  # the old set stays
        self.access.write_keys(self.access.line("k_new"), mode=0o660)
        self.assertIn("chmod", self.reload())
        self.access.write_keys()
        self.reload()
        screen.wait("key", 10)
        self.assertNotEqual(0, screen.wait_ended(), screen.text())
        self.denied(key="k_new", options=["BindAddress=127.0.0.16"])

    def test_08_the_host_key_is_made_closed_and_a_bad_one_stops_the_start(self):
        self.assertEqual(0o600, self.access.host_key.stat().st_mode & 0o777)
        self.assertIn(self.access.fingerprint(self.access.host_key.name), self.live.log())
        spoiled = self.access.folder / "spoiled"
        toml = self.access.toml().replace(str(self.access.host_key), str(spoiled)).replace(str(self.access.port), "0")
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-f", str(spoiled), "-N"]
        for passphrase, mode, word in (("", 0o644, "chmod 600"), ("secret", 0o600, "encrypted")):
            spoiled.unlink(missing_ok=True)
            subprocess.run([*make, passphrase], check=True, timeout=20)
            spoiled.chmod(mode)
            second = Sluice(self.kafka.bootstrap, self.url, self.route(self.orders, "public.orders"), pipeline="second",
                            console=toml)
            self.addCleanup(second.remove)
            second.start(ready=False)
            self.assertEqual(1, second.wait(30))
            self.assertIn(word, second.log())

    def test_08_a_replaced_host_key_is_said_in_the_log_and_to_the_client(self):
        self.assertEqual(0, self.live.stop())
        self.access.host_key.unlink()
        seen = len(self.live.log())
        self.live.start()
        self.assertRegex(self.live.log()[seen:], r"host key .* another")
        answer = self.run_ssh("version")
        self.assertEqual(255, answer.code)
        self.assertRegex(answer.err, "(?i)host key")
        (self.access.folder / "known_hosts").unlink()
        self.ok("version")
        self.base_rss = self.rss()


if __name__ == "__main__":
    main()
