"""Strangers, slow readers, junk and escape codes."""
import concurrent.futures
import contextlib
import json
import os
import random
import re
import signal
import socket
import threading
import time

import paramiko
import pytest

from support.raw_ssh import Flood, Raw, crowd, exit_code, until
from support.waiting import wait_until

HOSTILE = {
    "title": "\x1b]0;owned\x07", "clear": "\x1b[2J\x1b[H", "report": "\x1b[6n", "device": "\x1bPq\x1b\\", "c1": "\x9b31m",
    "clipboard": "\x1b]52;c;b3duZWQ=\x07", "bidi": "\u202eabc\u202c", "prompt": "\nsluice> pause all\r", "zero": "a\u200bb\ufeff",
    "line": "\u2028x\u2029", "tag": "\U000e0041", "delete": "\x7f\x08\x08",
}
# Only what we send ourselves: colours, cursor movement, clearing, bracketed paste, the cursor's visibility.
OURS = re.compile(r"\x1b\[(\??\d*(;\d+)*)[mKJHGCDABhl]")


def connect(console, source="127.0.0.1"):
    one = socket.create_connection(("127.0.0.1", console.access.port), 60, (source, 0))
    console.cleanup.callback(one.close)
    return one


@pytest.mark.case(34)
def test_an_operator_works_while_strangers_crowd_the_door(console, option):
    count = option("strangers", 500)
    base = console.live.status_of("Threads")
    logins, most = [], 0
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        strangers = pool.submit(crowd, console.access.port, count)
        while not strangers.done() or len(logins) < 10:
            answer = console.run_ssh("status", options=["BindAddress=127.0.0.1"])
            assert answer.code == 0, answer
            logins.append(answer.took)
            most = max(most, console.live.status_of("Threads") - base)
        opened = strangers.result()
    print(f"{opened} strangers in {time.monotonic() - begin:.1f} s; {len(logins)} of {len(logins)} logins, median"
          f" {sorted(logins)[len(logins) // 2]:.2f} s, slowest {max(logins):.2f} s; at most {most} threads more")
    # And a few more: an operator's session with its command, and strangers whose place another one has, but who have not ended.
    assert most <= 64 + 16, "no more strangers than the limit has a thread"
    wait_until(lambda: console.live.status_of("Threads") <= base + 2, lambda: console.live.status_of("Threads"))


@pytest.mark.case(34)
def test_strangers_of_her_own_address_cost_an_operator_no_login(console):
    # Standing still: silent, with half a greeting, with a whole one, and after the key exchange.
    for number in range(24):
        if number < 18:
            connect(console).sendall((b"", b"SSH-2.0-x", b"SSH-2.0-x\r\n")[number % 3])
        else:
            console.cleanup.enter_context(Raw(console.access.port))
    for _ in range(5):
        console.ok("version")
    with Flood(console.access.port, 400) as flood:
        begin, answers, opened = time.monotonic(), [], [flood.opened]
        for _ in range(20):
            answers.append(console.run_ssh("version"))
            opened.append(flood.opened)
        seconds = time.monotonic() - begin
        assert flood.thread.is_alive(), "without a flood the logins prove nothing"
        assert all(before < after for before, after in zip(opened, opened[1:])), opened
    failed = [answer for answer in answers if answer.code != 0]
    print(f"{len(answers) - len(failed)} of 20 logins in {seconds:.1f} s, slowest {max(a.took for a in answers):.2f} s, beside"
          f" {flood.opened / seconds:.0f} connections a second")
    assert failed == []


@pytest.mark.case(15)
def test_a_connection_has_four_channels(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        opened = []  # and kept: what is forgotten, Paramiko closes
        for _ in range(200):
            with contextlib.suppress(paramiko.ChannelException):
                opened.append(raw.transport.open_session(timeout=60))
        assert len(opened) == 4
        opened.pop().close()

        def another():  # in the place of the one that ends
            with contextlib.suppress(paramiko.ChannelException):
                return raw.transport.open_session(timeout=60)

        wait_until(another, "a channel in the place of another")
    console.ok("version")


@pytest.mark.case(11)
def test_input_faster_than_it_is_used_is_held_up_and_not_lost(console):
    # More than the window and the buffer hold, of lines that cost nothing; and one that does at the end.
    text = "# nothing\n\n" * 300_000 + "version\n"
    answer = console.run_ssh(text=text, seconds=300)
    assert answer.code == 0, answer.err
    assert answer.out.count("libssh") == 1
    print(f"{len(text) / 2**20:.1f} MiB in {answer.took:.1f} s")


def ends(one, seconds):
    """Whether the server closes the connection in time; what it said before is returned."""
    said = b""
    one.settimeout(seconds)
    try:
        while more := one.recv(4096):
            said += more
    except ConnectionResetError:
        pass
    return said


@pytest.mark.case(36)
def test_junk_before_the_handshake_is_closed_without_an_answer(console):
    banner = b"SSH-2.0-x\r\n"
    junk = {"random": random.Random(1).randbytes(4096), "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "old": b"SSH-1.5-x\r\n", "endless": b"SSH-2.0-" + b"x" * 300, "zero": banner + b"\0\0\0\0",
            "huge": banner + b"\xff\xff\xff\xff" + b"x" * 64,
            "kexinit": banner + b"\0\0\1\0\4\x14" + b"\xff" * 250, "whole kexinit": banner + b"\0\0\1\4\4\x14" + b"\xff" * 258,
            "half kexinit": banner + b"\0\0\1\4\4\x14" + b"\xff" * 100, "byte": banner + b"x",
            "tls": bytes.fromhex("1603010200010001fc0303") + b"x" * 200, "nul": b"SSH-2.0-\0\r\n"}
    numbered = list(enumerate(junk.items(), 1))
    for some in (numbered[:5], numbered[5:]):  # each at once, and one line for each address: ten a second have room
        begun, waiting = time.monotonic(), {}
        wait_until(lambda: time.monotonic() - begun > 1, "a second of the log that has nothing yet of these or of strangers before")
        for number, (name, text) in some:
            waiting[name] = connect(console, f"127.2.0.{number}")
            waiting[name].sendall(text)
        for number, (name, _) in some:
            assert len(ends(waiting[name], 60)) < 4096, name
            told = wait_until(lambda: re.findall(rf"no login from 127\.2\.0\.{number}:\d+: (.*)", console.live.log()), name)
            assert len(told) == 1 and "deadline" not in told[0], told
    assert console.run_ssh("version", options=["KexAlgorithms=diffie-hellman-group14-sha1"]).code == 255
    halting = connect(console, "127.2.1.2")  # which the library reads and waits for more
    halting.sendall(banner)
    assert halting.recv(4096).startswith(b"SSH-2.0-")
    halting.sendall(junk["half kexinit"][len(banner):])
    ends(halting, 60)
    wait_until(lambda: "no login from 127.2.1.2" in console.live.log(), console.live.tail)
    assert re.search(r"no login from 127\.2\.1\.2:\d+: no key exchange within 3 s", console.live.log())


@pytest.mark.case(36)
def test_random_keys_on_a_shell_do_no_harm(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        channel = raw.open_shell()
        channel.settimeout(20)
        noise = random.Random(2)
        try:
            for _ in range(300):
                channel.sendall(noise.randbytes(1000).replace(b"\x04", b"x"))
                while channel.recv_ready():
                    channel.recv(65536)
        except OSError:
            pass  # ended by the cap on input: the reason is in the log
    console.ok("version")


@pytest.mark.case(36)
def test_raw_channel_messages_out_of_order_do_no_harm(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        for size in (0, 1, 2**32 - 1):
            raw.send(90, "session", 7, 2**32 - 1, size)
        raw.send(90, "direct-tcpip", 8, 2**20, 2**15, "127.0.0.1", 1, "127.0.0.1", 1)
        raw.send(98, 99, "exec", True, "version")  # no such channel
        raw.send(94, 99, b"data for nobody")
        raw.send(80, "tcpip-forward", True, "", 0)
    console.ok("version")


@pytest.mark.case(14, 36)
def test_requests_that_mean_nothing_here_take_nothing_away(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        for kind, *fields in ((80, "keepalive@openssh.com", False), (2, b"x" * 1000), (4, True, "\x1b]0;owned\x07", "en"), (3, 7)):
            for _ in range(500):
                raw.send(kind, *fields)
        channel = raw.transport.open_session(timeout=60)
        for request in ("auth-agent-req@openssh.com", "xon-xoff", "x11-req", "break", "signal", "window-change", "env", "pty-req", ""):
            raw.send(98, channel.remote_chanid, request, False)
        for _ in range(200):
            raw.send(98, channel.remote_chanid, "env", False, "LC_ALL", "\x1b[31m" * 100)
        for _ in range(5):
            raw.send(93, channel.remote_chanid, 2**32 - 1)
        channel.exec_command("whoami")
        assert channel.recv_exit_status() == 0


@pytest.mark.case(36)
def test_a_client_in_whose_packets_nothing_fits_is_sent_away_at_once(console):
    # The library takes ten bytes of each for itself, and then sends empty ones until it has filled 256 MiB with them.
    def shell(channel):
        channel.get_pty()
        channel.invoke_shell()

    def ended_by_an_admin(channel):  # before anything was written
        channel.exec_command("tail")
        tails = wait_until(lambda: [one["id"] for one in console.sessions() if one["command"] == "tail"], "the command")
        console.ok("session", "end", str(tails[0]), key="k_adm")

    for ask in (lambda channel: channel.exec_command("help"), shell, ended_by_an_admin):
        seen = len(console.live.log())
        with Raw(console.access.port).log_in(console.access.folder, "k_oper") as raw:
            channel = raw.open_session_of(10)
            ask(channel)
            assert exit_code(channel) != 0
        wait_until(lambda: re.search(r"session \d+: oper ended: ", console.live.log()[seen:]), console.live.tail)
        assert "is stuck" not in console.live.log()[seen:]
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        channel = raw.open_session_of(11)  # one byte fits
        channel.exec_command("help")
        until(channel, console.ok("help").encode())


@pytest.mark.case(36)
def test_messages_that_no_client_sends_end_their_own_connection_only_and_are_logged(console):
    watcher = console.screen(key="k_view")
    for message in ((50, "root", "ssh-connection", "none"), (50, "ops", "ssh-connection", "password", False, "x")):
        seen = len(console.live.log())
        with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
            raw.send(*message)
            wait_until(lambda: re.search(r"session \d+: view left: \w", console.live.log()[seen:]), lambda: f"{message}: {console.live.tail()}")
    with Raw(console.access.port, "127.2.1.1") as raw:  # before its login
        raw.send(90, "session", 1, 2**20, 2**15)
        wait_until(lambda: not raw.transport.is_active(), "the end of the connection")
    wait_until(lambda: re.search(r"no login from 127\.2\.1\.1:\d+: left before it: .*rejected", console.live.log()), console.live.tail)
    watcher.type("version").keys("Enter").wait("libssh")
    watcher.keys("C-d").wait_ended()


@pytest.mark.case(33)
def test_a_slow_reader_holds_nobody_up_and_its_queue_is_bounded(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        channel = raw.transport.open_session(window_size=2**31 - 1, max_packet_size=2**15, timeout=60)
        channel.invoke_shell()
        raw.stop_reading()
        channel.sendall(b"help\n" * 4000)

        def queued():
            return max(one["queued"] for one in console.sessions())

        wait_until(queued, "what waits for the slow one")
        for _ in range(10):
            console.ok("status")
        most = queued()
        print(f"the slow one has {most} bytes queued")
        assert raw.transport.is_alive()
        assert 0 < most < 5 * 2**20


@pytest.mark.case(30, 33)
def test_a_tail_whose_client_stands_still_delays_nobody_and_tells_what_it_did_not_show(console):
    place, told = f"{console.orders}/0", []
    tail = console.popen("tail", place, "--json", key="k_oper")
    reader = threading.Thread(target=lambda: told.extend(json.loads(line)["data"] for line in tail.stdout))
    reader.start()

    def publish(count, note=""):
        value = json.dumps({"id": 7, "status": "new", "note": note}).encode()
        console.kafka.publish(console.orders, [(b"7", value)] * count, partition=0)

    wait_until(lambda: publish(1) is None and told, "the tail has begun")
    os.kill(tail.pid, signal.SIGSTOP)
    publish(60, '"' * 20_000)  # each 80 kB as it is shown, which is more than the client's window takes

    def queued():
        return max(one["queued"] for one in console.sessions())

    wait_until(queued, "what waits for the one that stands still")
    publish(3000)
    console.wait_caught_up(console.orders)
    slowest = max(console.run_ssh("status").took for _ in range(5))
    print(f"status in {slowest:.2f} s beside {queued()} bytes that wait")
    assert 0 < queued() < 2 * 2**20
    os.kill(tail.pid, signal.SIGCONT)
    published = console.kafka.ends(console.orders)[0] - told[0]["records"][0]["offset"]

    def accounted():
        return sum(len(one["records"]) + one["not_shown"] for one in told)

    wait_until(lambda: accounted() == published, lambda: f"{accounted()} of {published}: {[one['troubles'] for one in told]}")
    offsets = [record["offset"] for one in told for record in one["records"]]
    assert offsets == sorted(set(offsets)) and sum(one["not_shown"] for one in told) > 0
    tail.terminate()
    reader.join(60)


@pytest.mark.case(31, 33)
def test_a_client_killed_in_the_middle_of_a_command_leaves_nothing(console):
    for words in (("drain", "--reason", "test", "--yes", "--timeout", "600s"), ("help",), ("partitions", "--json")):
        client = console.popen(*words, key="k_oper")
        wait_until(lambda: client.poll() is not None or len(console.sessions()) > 1, "its session")
        client.kill()
        client.communicate(timeout=60)
    wait_until(lambda: len(console.sessions()) == 1, lambda: console.ok("sessions"))
    console.ok("resume", "all", key="k_oper")


def texts(value):
    """Every text in a JSON document."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


def check_escaped(text, pty):
    if pty:
        text = OURS.sub("", text).replace("\r\n", "\n")
    bad = [c for c in text if (ord(c) < 0x20 and c != "\n") or 0x7f <= ord(c) < 0xa0
           or c in "\u202e\u202c\u200b\ufeff\u2028\u2029\U000e0041"]
    assert bad == [], text[-2000:]


@pytest.mark.case(38)
@pytest.mark.alone
def test_hostile_text_is_shown_and_never_sent(console):
    letters = {name: json.dumps({"id": 90_000 + n, "status": None, "note": text}).encode()
               for n, (name, text) in enumerate(HOSTILE.items())}
    letters["raw"] = b'{"id": 95000, "status": "\x9b31m\xff"'
    letters["large"] = json.dumps({"id": 95_001, "status": None, "note": "\x1b[31m" * 80_000}).encode()
    letters["column"] = json.dumps({"id": 95_002, "\x1b]0;owned\x07": 1}).encode()
    # A record key that is not the value's key is refused before PostgreSQL sees the row, whose words are hostile, too.
    keys = {name: name.encode() + b"\x1b[5m" for name in ("raw", "column")}
    console.kafka.publish(console.orders, [(keys.get(name), value) for name, value in letters.items()])
    console.wait_caught_up(console.orders)
    ids = [row[0] for row in console.sql("SELECT id FROM sluice.dead_letter ORDER BY id")]
    assert len(letters) == len(ids)
    console.ok("pause", f"{console.orders}/0", "--reason", "'\x1b[31mred\x07'", key="k_oper")
    commands = ["dead list", "errors", "status", "partitions", "sessions"] + [f"dead show {one}" for one in ids]
    for command in commands:
        for pty in (False, True):
            answer = console.run_ssh(*(["-tt"] if pty else []), *command.split(), key="k_adm", env={"TERM": "xterm"})
            assert answer.code == 0, answer.err
            check_escaped(answer.out, pty)
    check_escaped(console.run_ssh("audit", key="k_adm").out, False)
    shown = "".join(console.ok("dead", "show", str(one), key="k_adm") for one in ids)
    for text in ("\\u{1b}", "\\u{202e}", "\\x9b", "\\xff", "\\u{9b}"):
        assert text in shown.lower()
    whole = [console.run_ssh("dead", "show", str(one), "--json", key="k_adm").out for one in ids]
    for text in whole:
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
        json.loads(text)
    assert any(HOSTILE["title"] in text for document in whole for text in texts(json.loads(document)))
    answer = console.run_ssh("\x1b[31mpasue\x07", key="k_view")
    assert answer.code == 2
    check_escaped(answer.err, False)
    console.ok("resume", f"{console.orders}/0", key="k_oper")


@pytest.mark.case(40)
def test_too_many_sessions_are_refused_and_an_admin_still_gets_in(console):
    clients = []
    for key in ["k_view"] * 20 + ["k_oper"] * 10:
        seen = console.live.log().count(" logged in ")
        clients.append(console.popen(key=key))
        # One after the other: together they would be a crowd of strangers from one address.
        wait_until(lambda: console.live.log().count(" logged in ") > seen, "a login")
    wait_until(lambda: [c for c in clients if c.poll() is not None], "somebody refused")
    answer = console.run_ssh("whoami", key="k_adm")
    assert answer.code == 0, answer
    wait_until(lambda: len(console.sessions("k_adm")) + len([c for c in clients if c.poll() is not None]) == 31,
               "all of them counted")
    refused = [client for client in clients if client.poll() is not None]
    told = [client for client in refused if b"too many sessions" in client.communicate(timeout=60)[1]]
    assert len(told) == len(refused), "who is sent away is told why"
    admitted = len(clients) - len(refused)
    print(f"{admitted} admitted, {len(refused)} refused, {len(told)} told why, an admin in {answer.took:.2f} s")
    assert admitted >= 20
    for client in clients:
        if client.poll() is None:
            client.communicate(b"exit\n", timeout=60)


@pytest.mark.case(40)
def test_sessions_are_told_of_the_end(console):
    screen = console.screen()
    assert console.live.stop() == 0
    screen.wait_ended()
    assert re.search("(?i)shutting down|ends|stopping", screen.text())
    assert screen.shown("cursor_flag") == "1"
    console.start()
