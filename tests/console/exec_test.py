#!/usr/bin/python3
"""One command and its exit code, batches, pipes and what is refused: console_cases.md 9-11 and 13-15."""
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import main  # noqa: E402
from support.console_case import ConsoleCase  # noqa: E402
from support.waiting import free_port, wait_until  # noqa: E402


def numbers(text):
    """The counts that a table shows, without colour and grouping."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r", "")
    return [int(re.sub(r"\D", "", word)) for word in re.findall(r"\b\d{1,3}(?:[  ,\u2009\u202f]\d{3})*\b", plain)]


class Exec(ConsoleCase):
    def test_09_the_numbers_are_the_same_as_json_as_text_and_in_colour(self):
        counted = self.data("count")
        text = self.ok("count")
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\r", text)
        self.assertTrue(text.endswith("\n"))
        self.assertIn(self.records, numbers(text))
        self.assertIn(str(self.records), json.dumps(counted))
        colour = self.run_ssh("-tt", "status", env={"TERM": "xterm-256color"})
        self.assertEqual(0, colour.code)
        self.assertIn("\r\n", colour.out)
        self.assertIn("\x1b[", colour.out)
        plain = self.run_ssh("-tt", "status", env={"TERM": "xterm-256color", "NO_COLOR": "1"}, options=["SendEnv=NO_COLOR"])
        self.assertNotIn("\x1b", plain.out)
        done = subprocess.run(["jq", "-e", ".v"], input=self.ok("status", "--json"), capture_output=True, text=True, timeout=10)
        self.assertEqual((0, "1\n"), (done.returncode, done.stdout))

    def test_09_every_looking_command_answers_in_text_and_json(self):
        for command in ("status", "count", "topics", "partitions", "pointers", "lag", "tables", "errors", "dead list",
                        "config show", "whoami", "sessions", "version"):
            with self.subTest(command):
                self.assertTrue(self.ok(*command.split()).endswith("\n"))
                self.data(*command.split())

    def test_10_exit_codes_tell_scripts_what_happened(self):
        self.refused(2, "did you mean 'pause'", "pasue")
        self.refused(5, "no topic 'nosuch'.*" + re.escape(self.orders), "partitions", "nosuch")
        self.refused(3, "operator", "pause", "all", "--reason", "x")
        self.refused(2, "reason", "pause", "all", key="k_oper")
        holder = self.hold_pointers()
        self.refused(6, "it continues", "drain", "--timeout", "1s", key="k_oper")
        holder.close()
        self.ok("resume", "all", key="k_oper")
        self.ok("version")

    def test_11_a_batch_runs_line_by_line_and_stops_at_the_first_failure(self):
        both = self.ok(text="version\n# a comment\n\nconfig show\n")
        self.assertIn("librdkafka", both)
        self.assertIn("kafka.group", both)
        self.assertEqual(both, self.ok(text="version\r\n# a comment\r\n\r\nconfig show\r\n"))
        self.assertEqual(both, self.ok(text="version\nconfig show"))
        answer = self.run_ssh(text="version\npasue\nwhoami\n")
        self.assertEqual(2, answer.code, answer)
        self.assertRegex(answer.err, r"line 2.*|.*pasue.*")
        self.assertNotIn("viewer", answer.out)
        self.assertRegex(answer.err, "2")

    def test_11_a_long_batch_is_answered_to_its_end(self):
        lines = 300
        answer = self.run_ssh(text="whoami --json\n" * lines, seconds=120)
        self.assertEqual((0, ""), (answer.code, answer.err))
        self.assertEqual(lines, answer.out.count('"command":"whoami"'))

    def test_a_watched_command_shows_one_document_a_line_and_ends_with_its_reader(self):
        watching = self.access.popen("status", "--watch", "1s", "--json")
        documents = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.kill()
        watching.communicate(timeout=10)
        self.assertEqual(["status", "status"], [one["command"] for one in documents])
        self.assertGreater(documents[1]["data"]["uptime_seconds"], documents[0]["data"]["uptime_seconds"])
        wait_until(lambda: len(self.data("sessions")["sessions"]) == 1, "the end of the watching session", 10)

    def test_13_check_tells_monitoring(self):
        self.assertEqual(0, self.run_ssh("check", "--lag", "30s").code)
        self.ok("pause", self.orders, "--reason", "t", key="k_oper")
        self.assertEqual(10, self.run_ssh("check").code)
        self.ok("resume", self.orders, key="k_oper")
        wait_until(lambda: self.run_ssh("check").code == 0, lambda: self.run_ssh("check"), 20)

    def test_13_check_answers_while_postgresql_is_away(self):
        self.live.expected.append("PostgreSQL|connection")
        self.postgres.stop()
        try:
            answer = wait_until(lambda: [one for one in [self.run_ssh("check")] if one.code == 11],
                                lambda: f"critical: {self.run_ssh('check')}", 60)[0]
            self.assertEqual(1, (answer.out + answer.err).count("\n"), answer)
            print(f"    answered in {answer.took:.2f} s without PostgreSQL")
            self.assertEqual(0, self.run_ssh("status").code)
        finally:
            self.postgres.start()
        wait_until(lambda: self.run_ssh("check").code == 0, lambda: self.run_ssh("check"), 60)

    def test_14_forwarding_subsystems_and_copies_are_refused(self):
        port = free_port()
        seen = len(self.live.log())
        forward = self.access.popen("-N", options=["LogLevel=INFO", f"LocalForward=127.0.0.1:{port} 127.0.0.1:{self.live.port}"])
        self.addCleanup(forward.kill)

        def probe():
            return subprocess.run(["curl", "-s", "-m", "5", f"http://127.0.0.1:{port}/healthz"], capture_output=True).returncode
        wait_until(lambda: probe() not in (0, 7), "the forwarded port, which must lead nowhere", 20)
        forward.kill()
        self.assertIn(b"administratively prohibited", forward.communicate(timeout=10)[1])
        remote = self.run_ssh("-N", options=["ExitOnForwardFailure=yes", f"RemoteForward={free_port()} 127.0.0.1:1"])
        self.assertNotEqual(0, remote.code)
        self.assertIn("remote port forwarding failed", remote.err)
        stdio = subprocess.run([*self.access.ssh()[:-1], "-W", "127.0.0.1:1", "console"], capture_output=True, text=True, timeout=20)
        self.assertIn("stdio forwarding failed", stdio.stderr)
        self.assertIn("subsystem request failed", self.run_ssh("-s", "netconf").err)
        for copy in (["scp", "-q"], ["scp", "-q", "-O"], ["sftp", "-q", "-b", "/dev/null"]):
            config = [*copy, "-F", str(self.access.folder / "config"), "-i", str(self.access.folder / "k_view")]
            place = ["console"] if copy[0] == "sftp" else ["console:/etc/passwd", str(self.access.folder / "copy")]
            done = subprocess.run([*config, *place], capture_output=True, timeout=30)
            self.assertNotEqual(0, done.returncode, copy)
        self.assertFalse((self.access.folder / "copy").exists())
        self.ok("version", options=["ForwardAgent=yes", "ForwardX11=yes"])
        wait_until(lambda: re.search("forward", self.live.log()[seen:]), self.live.tail, 10)
        wait_until(lambda: self.sql("SELECT 1 FROM sluice.audit WHERE command || ' ' || coalesce(target, '') || detail::text"
                                    " || outcome LIKE '%%forward%%'"), lambda: f"an audit row: {self.audit()}", 20)

    def test_14_a_connection_that_opens_nothing_is_ended(self):
        answer = self.run_ssh("-N", seconds=60)
        self.assertNotEqual(0, answer.code)
        self.assertTrue(answer.err.strip(), "a reason")
        print(f"    ended after {answer.took:.0f} s: {answer.err.strip()}")

    def test_15_one_connection_carries_several_commands_and_is_never_lost(self):
        path = self.access.folder / "control"
        shared = ["ControlPath=" + str(path)]
        master = self.access.popen("-N", "-M", options=shared)
        self.addCleanup(master.kill)
        wait_until(path.exists, "the control socket", 20)
        for count in (4, 15):
            clients = [self.access.popen("version", options=shared) for _ in range(count)]
            outs = [client.communicate(timeout=60) for client in clients]
            codes = [client.returncode for client in clients]
            print(f"    {count} at once: {codes.count(0)} answered")
            self.assertGreaterEqual(codes.count(0), 1)
            self.assertTrue(all(code == 0 or error for code, (_, error) in zip(codes, outs)))
        self.assertEqual(0, self.run_ssh("version", options=shared).code, "the connection has survived")
        self.assertIsNone(master.poll())
        master.terminate()
        master.communicate(timeout=10)


if __name__ == "__main__":
    main()
