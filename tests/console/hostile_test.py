#!/usr/bin/python3
"""Strangers, slow readers, junk and escape codes: console_cases.md 33, 34, 36, 38 and 40.

--strangers N: unauthenticated connections of case 34.
"""
import concurrent.futures
import json
import os
import pathlib
import random
import re
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import main  # noqa: E402
from support.console_case import ConsoleCase  # noqa: E402
from support.raw_ssh import Raw, crowd  # noqa: E402
from support.waiting import wait_until  # noqa: E402

HOSTILE = {
    "title": "\x1b]0;owned\x07", "clear": "\x1b[2J\x1b[H", "report": "\x1b[6n", "device": "\x1bPq\x1b\\", "c1": "\x9b31m",
    "clipboard": "\x1b]52;c;b3duZWQ=\x07", "bidi": "\u202eabc\u202c", "prompt": "\nsluice> pause all\r", "zero": "a\u200bb\ufeff",
    "line": "\u2028x\u2029", "tag": "\U000e0041", "delete": "\x7f\x08\x08",
}
# Only what we send ourselves: colours, cursor movement, clearing, bracketed paste, the cursor's visibility.
OURS = re.compile(r"\x1b\[(\??\d*(;\d+)*)[mKJHGCDABhl]")


class Hostile(ConsoleCase):
    def connect(self, source="127.0.0.1"):
        one = socket.create_connection(("127.0.0.1", self.access.port), 10, (source, 0))
        self.addCleanup(one.close)
        return one

    def test_34_an_operator_works_while_strangers_crowd_the_door(self):
        count = self.options.strangers
        base = self.status_of("Threads")
        logins, most = [], 0
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            strangers = pool.submit(crowd, self.access.port, count)
            while not strangers.done() or len(logins) < 10:
                answer = self.run_ssh("status", options=["BindAddress=127.0.0.1"])
                self.assertEqual(0, answer.code, answer)
                logins.append(answer.took)
                most = max(most, self.status_of("Threads") - base)
            opened = strangers.result()
        print(f"    {opened} strangers in {time.monotonic() - begin:.1f} s; {len(logins)} of {len(logins)} logins, median"
              f" {sorted(logins)[len(logins) // 2]:.2f} s, slowest {max(logins):.2f} s; at most {most} threads more")
        self.assertLessEqual(most, 32 + 8, "no more strangers than the limit has a thread")
        wait_until(lambda: self.status_of("Threads") <= base + 2, lambda: self.status_of("Threads"), 30)

    def ends(self, one, seconds):
        """Whether the server closes the connection in time; what it said before is returned."""
        said = b""
        one.settimeout(seconds)
        try:
            while more := one.recv(4096):
                said += more
        except ConnectionResetError:
            pass
        return said

    def test_36_junk_before_the_handshake_is_closed_without_an_answer(self):
        banner = b"SSH-2.0-x\r\n"
        junk = {"random": random.Random(1).randbytes(4096), "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                "old": b"SSH-1.5-x\r\n", "endless": b"SSH-2.0-" + b"x" * 300, "zero": banner + b"\0\0\0\0",
                "huge": banner + b"\xff\xff\xff\xff" + b"x" * 64,
                "kexinit": banner + b"\0\0\1\0\4\x14" + b"\xff" * 250}
        for number, (name, text) in enumerate(junk.items()):
            with self.subTest(name):
                one = self.connect(f"127.2.0.{number + 1}")
                one.sendall(text)
                said = self.ends(one, 15)  # the deadline for a banner is 3 s, for a login 10 s
                self.assertLess(len(said), 4096)
        self.assertEqual(255, self.run_ssh("version", options=["KexAlgorithms=diffie-hellman-group14-sha1"]).code)

    def test_36_random_keys_on_a_shell_do_no_harm(self):
        with Raw(self.access.port).log_in(self.access.folder, "k_view") as raw:
            channel = raw.transport.open_session(timeout=10)
            channel.get_pty("xterm", 80, 24)
            channel.invoke_shell()
            channel.settimeout(20)
            noise = random.Random(2)
            try:
                for _ in range(300):
                    channel.sendall(noise.randbytes(1000).replace(b"\x04", b"x"))
                    while channel.recv_ready():
                        channel.recv(65536)
            except OSError:
                pass  # ended by the cap on input: the reason is in the log
        self.ok("version")

    def test_36_raw_channel_messages_out_of_order(self):
        with Raw(self.access.port).log_in(self.access.folder, "k_view") as raw:
            for size in (0, 1, 2**32 - 1):
                raw.send(90, "session", 7, 2**32 - 1, size)
            raw.send(90, "direct-tcpip", 8, 2**20, 2**15, "127.0.0.1", 1, "127.0.0.1", 1)
            raw.send(98, 99, "exec", True, "version")  # no such channel
            raw.send(94, 99, b"data for nobody")
            raw.send(80, "tcpip-forward", True, "", 0)
        self.ok("version")

    def test_33_a_slow_reader_holds_nobody_up_and_its_queue_is_bounded(self):
        with Raw(self.access.port).log_in(self.access.folder, "k_view") as raw:
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            channel = raw.transport.open_session(window_size=2**31 - 1, max_packet_size=2**15, timeout=10)
            channel.invoke_shell()
            raw.transport.packetizer.close()  # from here on nobody reads
            raw.transport.packetizer._Packetizer__closed = False
            command = b"help\n" * 4000
            try:
                channel.sendall(command)
            except (OSError, EOFError):
                pass
            took = [self.run_ssh("status").took for _ in range(10)]
            queued = max(one["queued"] for one in self.sessions())
            print(f"    others in {max(took):.2f} s at most, the slow one has {queued} bytes queued")
            self.assertLess(queued, 5 * 2**20)

    def test_33_a_stopped_client_is_not_waited_for(self):
        client = self.access.popen()
        self.addCleanup(client.wait, 10)
        self.addCleanup(client.kill)
        os.kill(client.pid, signal.SIGSTOP)
        took = [self.run_ssh("status").took for _ in range(5)]
        print(f"    others in {max(took):.2f} s at most")
        client.kill()

    def test_a_client_killed_in_the_middle_of_a_command_leaves_nothing(self):
        for words in (("drain", "--timeout", "60s"), ("help",), ("partitions", "--json")):
            client = self.access.popen(*words, key="k_oper")
            wait_until(lambda: client.poll() is not None or len(self.sessions()) > 1, "its session", 20)
            client.kill()
            client.communicate(timeout=10)
        wait_until(lambda: len(self.sessions()) == 1, lambda: self.ok("sessions"), 20)
        self.ok("resume", "all", key="k_oper")

    def check_escaped(self, text, pty):
        if pty:
            text = OURS.sub("", text).replace("\r\n", "\n")
        bad = [c for c in text if (ord(c) < 0x20 and c != "\n") or 0x7f <= ord(c) < 0xa0
               or c in "\u202e\u202c\u200b\ufeff\u2028\u2029\U000e0041"]
        self.assertEqual([], bad, text[-2000:])

    def test_38_hostile_text_is_shown_and_never_sent(self):
        letters = {name: json.dumps({"id": 90_000 + n, "status": None, "note": text}).encode()
                   for n, (name, text) in enumerate(HOSTILE.items())}
        letters["raw"] = b'{"id": 95000, "status": "\x9b31m\xff"'
        letters["large"] = json.dumps({"id": 95_001, "status": None, "note": "\x1b[31m" * 80_000}).encode()
        letters["column"] = json.dumps({"id": 95_002, "\x1b]0;owned\x07": 1}).encode()
        self.kafka.publish(self.orders, [(name.encode() + b"\x1b[5m", value) for name, value in letters.items()])
        self.wait_caught_up(self.orders)
        ids = [row[0] for row in self.sql("SELECT id FROM sluice.dead_letter ORDER BY id")]
        self.assertEqual(len(letters), len(ids))
        self.ok("pause", f"{self.orders}/0", "--reason", "'\x1b[31mred\x07'", key="k_oper")
        commands = ["dead list", "errors", "status", "partitions", "sessions"] + [f"dead show {one}" for one in ids]
        for command in commands:
            for pty in (False, True):
                answer = self.run_ssh(*(["-tt"] if pty else []), *command.split(), key="k_adm", env={"TERM": "xterm"})
                self.assertEqual(0, answer.code, answer.err)
                self.check_escaped(answer.out, pty)
        self.check_escaped(self.run_ssh("audit", key="k_adm").out, False)
        shown = "".join(self.ok("dead", "show", str(one), key="k_adm") for one in ids)
        for text in ("\\u{1b}", "\\u{202e}", "\\x9b", "\\xff", "\\u{9b}"):
            self.assertIn(text, shown.lower())
        whole = [self.run_ssh("dead", "show", str(one), "--json", key="k_adm").out for one in ids]
        for text in whole:
            self.assertFalse(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text))
            json.loads(text)
        self.assertTrue(any("\x1b]0;owned\x07" in json.dumps(json.loads(text), ensure_ascii=False).replace("\\u001b", "\x1b")
                            .replace("\\u0007", "\x07") or "\\u001b]0;owned\\u0007" in text for text in whole))
        answer = self.run_ssh("\x1b[31mpasue\x07", key="k_view")
        self.assertEqual(2, answer.code)
        self.check_escaped(answer.err, False)
        self.ok("resume", f"{self.orders}/0", key="k_oper")

    def test_40_too_many_sessions_are_refused_and_an_admin_still_gets_in(self):
        clients = []
        for key in ["k_view"] * 20 + ["k_oper"] * 10:
            seen = self.live.log().count(" logged in ")
            clients.append(self.access.popen(key=key))
            self.addCleanup(clients[-1].wait, 10)
            self.addCleanup(clients[-1].kill)
            # One after the other: together they would be a crowd of strangers from one address.
            wait_until(lambda: self.live.log().count(" logged in ") > seen, "a login", 20)
        wait_until(lambda: [c for c in clients if c.poll() is not None], "somebody refused", 30)
        answer = self.run_ssh("whoami", key="k_adm")
        self.assertEqual(0, answer.code, answer)
        wait_until(lambda: len(self.sessions("k_adm")) + len([c for c in clients if c.poll() is not None]) == 31,
                   "all of them counted", 30)
        refused = [client for client in clients if client.poll() is not None]
        told = [client for client in refused if b"too many sessions" in client.communicate(timeout=10)[1]]
        self.assertEqual(len(told), len(refused), "who is sent away is told why")
        print(f"    {len(clients) - len(refused)} admitted, {len(refused)} refused, {len(told)} told why, an admin in {answer.took:.2f} s")
        self.assertGreaterEqual(len(clients) - len(refused), 20)
        for client in clients:
            if client.poll() is None:
                client.communicate(b"exit\n", timeout=20)

    def test_40_sessions_are_told_of_the_end(self):
        screen = self.screen()
        self.assertEqual(0, self.live.stop())
        screen.wait_ended()
        self.assertRegex(screen.text(), "(?i)shutting down|ends|stopping")
        self.assertEqual("1", screen.shown("cursor_flag"))
        self.live.start()
        self.base_rss = self.rss()


if __name__ == "__main__":
    main(strangers=500)
