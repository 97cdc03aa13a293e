"""Who gets in, and who does not, with the OpenSSH client and raw messages."""
import concurrent.futures
import os
import re
import subprocess

import paramiko
import pytest

from support.pipeline import route
from support.raw_ssh import Junk, Raw, SecurityKey
from support.waiting import wait_until

DENIED = "Permission denied (publickey)"


def denied(console, **how):
    answer = console.run_ssh("status", **how)
    assert answer.code == 255, answer
    assert answer.out == ""
    return answer


@pytest.mark.case(1)
def test_every_key_type_logs_in_and_the_identity_is_the_keys(console):
    for kind, bits in (("ed25519", None), ("ecdsa", 256), ("ecdsa", 521), ("rsa", 3072)):
        name = f"k_{kind}{bits or ''}"
        console.access.make_key(name, kind, bits)
        console.access.write_keys(console.access.line(name, "operator"))
        console.live.reload()
        who = console.data("whoami", key=name)
        assert ("operator", console.access.fingerprint(name)) == (who["role"], who["fingerprint"]), kind
        assert name[2:] == who["name"]
    wait_until(lambda: any(row[0] == "rsa3072" and row[6].startswith("127.0.0.1:") for row in console.audit("login%")),
               lambda: f"a row in the audit trail: {console.audit()}")


@pytest.mark.case(1)
def test_a_security_key_logs_in(console):
    key = SecurityKey()
    console.access.write_keys(f'role="viewer",name="token" {key.line()}')
    console.live.reload()
    with Raw(console.access.port) as raw:
        raw.transport.auth_publickey("ops", key)
        assert raw.transport.is_authenticated()


@pytest.mark.case(1)
def test_modern_algorithms_are_agreed_on_and_no_compression(console):
    answer = console.run_ssh("-vvv", "-C", "version")
    assert answer.code == 0, answer
    for text in ("curve25519-sha256", "will use strict KEX ordering", "compression: none"):
        assert text in answer.err
    for weak in ("ecdh-sha2-nistp256", "diffie-hellman-group14-sha256"):
        answer = console.run_ssh("-v", f"-oKexAlgorithms={weak}", "version")
        assert answer.code == 255 and "no matching key exchange method found" in answer.err, answer


@pytest.mark.case(2)
def test_an_unlisted_key_is_denied(console):
    answer = denied(console, key="k_none")
    assert DENIED in answer.err
    print(f"denied in {answer.took:.2f} s")


@pytest.mark.case(2)
def test_an_agent_full_of_unlisted_keys_is_dropped_after_six_tries_and_others_get_in(console):
    socket = console.access.folder / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    console.cleanup.callback(agent.wait, 60)
    console.cleanup.callback(agent.terminate)
    wait_until(socket.exists, "the agent's socket")
    env = {"SSH_AUTH_SOCK": str(socket)}
    names = [f"unlisted{n}" for n in range(8)]
    for name in names:
        console.access.make_key(name)
    subprocess.run(["ssh-add", "-q", *(str(console.access.folder / name) for name in names)], env={**os.environ, **env},
                   check=True, timeout=60)
    seen = len(console.live.log())

    def offend():
        denied(console, key="unlisted0", env=env, options=["IdentitiesOnly=no", f"IdentityAgent={socket}", "BindAddress=127.0.0.9"])

    offend()
    wait_until(lambda: re.search(r"127\.0\.0\.9:\d+ after 6 tries", console.live.log()[seen:]), console.live.tail)
    assert len(re.findall(r"console: .*127\.0\.0\.9", console.live.log()[seen:])) == 1, "one line for the address"
    console.ok("status")  # from 127.0.0.1
    # The address is in the penalty box: closed before anything is said, and let in again later. The first penalty may be
    # over before a slow machine comes to ask; each next one is longer.

    def comes_in():
        return console.run_ssh("version", options=["BindAddress=127.0.0.9"]).code == 0

    wait_until(lambda: not comes_in() or offend(), "a penalty that is noticed")
    wait_until(comes_in, "the end of the penalty", 120, every=1)


@pytest.mark.case(3)
def test_a_wrong_user_is_denied_with_a_listed_key_and_logged_in_short(console):
    seen = len(console.live.log())
    assert DENIED in denied(console, user="root").err
    key = paramiko.Ed25519Key.from_private_key_file(str(console.access.folder / "k_view"))
    for user in ("x" * 200_000, "ops\x1b[31m\r\nroot", " ", "ops\0root"):
        with Raw(console.access.port, "127.0.0.10") as raw, pytest.raises(paramiko.SSHException):
            raw.transport.auth_publickey(user, key)
    log = console.live.log()[seen:]
    assert "x" * 40 not in log
    assert all(len(line) < 400 for line in log.splitlines())


@pytest.mark.case(4)
def test_what_cannot_be_verified_does_not_log_in(console):
    key = paramiko.Ed25519Key.from_private_key_file(str(console.access.folder / "k_view"))
    unknown = b"\0\0\0\x0bssh-unknown" + b"\0" * 36
    lies = (Junk(key, signature=b"\0" * 64), Junk(key, signature=b"junk"), Junk(key, blob=b"junk"),
            Junk(key, name="ssh-unknown", blob=unknown))

    def lie(number):
        # Each from an address of its own: after the deadline an address has to wait.
        with Raw(console.access.port, f"127.0.4.{number + 1}") as raw:
            raw.transport.auth_timeout = 60  # silence: only the server's deadline ends it
            with pytest.raises(paramiko.SSHException):
                raw.transport.auth_publickey("ops", lies[number])
            return raw.transport.is_authenticated()

    with concurrent.futures.ThreadPoolExecutor(len(lies)) as pool:  # all at once, as each waits for the deadline
        assert list(pool.map(lie, range(len(lies)))) == [False] * len(lies)


@pytest.mark.case(4)
def test_sha1_signatures_and_passwords_are_refused(console):
    console.access.make_key("k_rsa", "rsa", 3072)
    console.access.write_keys(console.access.line("k_rsa"))
    console.live.reload()
    console.ok("version", key="k_rsa")
    key = paramiko.RSAKey.from_private_key_file(str(console.access.folder / "k_rsa"))
    old = {"pubkeys": ["rsa-sha2-512", "rsa-sha2-256"]}
    with Raw(console.access.port, "127.0.0.12", disabled_algorithms=old) as raw, pytest.raises(paramiko.SSHException):
        raw.transport.auth_timeout = 20
        raw.transport.auth_publickey("ops", key)
    with Raw(console.access.port, "127.0.0.13") as raw:
        with pytest.raises(paramiko.SSHException):
            raw.transport.auth_password("ops", "secret")
        with pytest.raises(paramiko.SSHException):
            raw.transport.auth_interactive("ops", lambda *_: ["secret"])
        assert not raw.transport.is_authenticated()


@pytest.mark.case(4)
def test_a_certificate_falls_back_to_its_plain_key(console):
    folder = console.access.folder
    console.access.make_key("authority")
    subprocess.run(["ssh-keygen", "-q", "-s", str(folder / "authority"), "-I", "id", "-n", "ops", str(folder / "k_view.pub")],
                   check=True, timeout=60)
    console.cleanup.callback((folder / "k_view-cert.pub").unlink)
    console.ok("version")


@pytest.mark.case(4)
def test_a_thousand_unknown_methods_end_the_connection_and_its_address_has_to_wait(console):
    with Raw(console.access.port, "127.0.0.14") as raw:
        raw.flood_with_method("teleport", 1000)
        wait_until(lambda: not raw.transport.is_active(), "the end of the connection")
        assert not raw.transport.is_authenticated()
    told = wait_until(lambda: re.search(r"no login from 127\.0\.0\.14:\d+ after (\d+) tries: .*its address is refused", console.live.log()),
                      console.live.tail)
    assert int(told[1]) >= 6  # and as many more as libssh had read by then


@pytest.mark.case(6)
def test_options_of_keys_hold(console):
    lines = {"k_far": {"from": "10.0.0.0/8"}, "k_old": {"expiry_time": "20200101Z"}, "k_probe": {"commands": "check,status"},
             "k_plain": {"no_pty": True}, "k_single": {"max_sessions": 1}}
    for name in lines:
        console.access.make_key(name)
    console.access.write_keys(*(console.access.line(name, "operator", **options) for name, options in lines.items()))
    console.live.reload()
    assert DENIED in denied(console, key="k_far", options=["BindAddress=127.0.0.1"]).err
    assert DENIED in denied(console, key="k_old").err
    console.ok("status", key="k_probe")
    console.refused(3, "not allowed|may not", "pause", "all", "--reason", "x", key="k_probe")
    answer = console.run_ssh("-tt", "status", key="k_plain")
    assert "PTY allocation request failed" in answer.err
    assert "\x1b" not in answer.out
    first = console.screen(key="k_single")
    answer = console.run_ssh("status", key="k_single")
    assert answer.code == 255
    assert "too many sessions" in answer.err
    first.keys("C-d")
    first.wait_ended()


@pytest.mark.case(7)
def test_a_reload_adds_removes_and_refuses(console):
    console.access.make_key("k_new")
    denied(console, key="k_new", options=["BindAddress=127.0.0.15"])
    console.access.write_keys(console.access.line("k_new"))
    console.live.reload()
    console.ok("version", key="k_new")
    screen = console.screen(key="k_new")
    console.access.write_keys("this is no key")
    console.live.expected.append("not reloaded|authorized_keys")
    assert re.search(r"authorized_keys:4: ", console.live.reload())
    console.ok("version", key="k_new")  # the old set stays
    console.access.write_keys(console.access.line("k_new"), mode=0o660)
    assert "chmod" in console.live.reload()
    console.access.write_keys()
    console.live.reload()
    screen.wait("key", 60)
    assert screen.wait_ended() != 0, screen.text()
    denied(console, key="k_new", options=["BindAddress=127.0.0.16"])


@pytest.mark.case(7)
def test_a_keys_file_that_cannot_be_used_changes_nothing_and_lowered_rights_end_a_session(console):
    path = console.access.keys_file
    good, first = path.read_text(), path.read_text().splitlines()[0]
    watcher = console.screen(key="k_oper")
    console.live.expected.append("the old keys stay")
    for text, why in ((b"\xff\x1b[31m\0\n", r"authorized_keys:1: .*\\xff\\u\{1b\}"), (good.encode() + b"\0\n", r":4: .*\\u\{0\}"),
                      ((good + first).encode(), ":4: the key is already in line 1"), (b"#\n" * 600_000, "larger than 1 MiB"),
                      ((good + "ssh-ed25519-cert-v01@openssh.com AAAA").encode(), ":4: certificates are not supported")):
        path.write_bytes(text)
        assert re.search(why, console.live.reload()), why
        console.ok("version", key="k_oper")
    path.write_text(good.replace("\n", "\r\n"))
    console.live.reload()
    watcher.type("whoami").keys("Enter").wait("operator")
    path.write_text(good.replace('role="operator"', 'role="viewer"'))
    console.access.changed = True
    console.live.reload()
    watcher.wait("your rights were changed", 60)
    assert watcher.wait_ended() != 0
    console.refused(3, "needs role operator", "resume", "all", key="k_oper")


@pytest.mark.case(8)
def test_the_host_key_is_made_closed_and_a_bad_one_stops_the_start(console):
    assert console.access.host_key.stat().st_mode & 0o777 == 0o600
    assert console.access.fingerprint(console.access.host_key.name) in console.live.log()
    spoiled = console.access.folder / "spoiled"
    toml = console.access.toml().replace(str(console.access.host_key), str(spoiled)).replace(str(console.access.port), "0")
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-f", str(spoiled), "-N"]
    for passphrase, mode, word in (("", 0o644, "chmod 600"), ("secret", 0o600, "encrypted")):
        spoiled.unlink(missing_ok=True)
        subprocess.run([*make, passphrase], check=True, timeout=60)
        spoiled.chmod(mode)
        second = console.service(route(console.orders, "public.orders"), pipeline="second",
                                 console=toml)
        second.expected = [word]
        second.start(ready=False)
        assert second.wait(60) == 2
        assert word in second.log()


@pytest.mark.case(8)
def test_a_replaced_host_key_is_said_in_the_log_and_to_the_client(console):
    assert console.live.stop() == 0
    console.access.host_key.unlink()
    seen = len(console.live.log())
    console.live.start()
    assert re.search(r"host key .* another", console.live.log()[seen:])
    answer = console.run_ssh("version")
    assert answer.code == 255
    assert re.search("(?i)host key", answer.err)
    (console.access.folder / "known_hosts").unlink()
    console.ok("version")
    console.measure()
