"""One command and its exit code, batches, pipes and what is refused."""
import json
import re
import subprocess

import pytest

from support.json_schema import check_document, console_schema
from support.pipeline import encode
from support.raw_ssh import Raw, exit_code, until
from support.waiting import free_port, wait_until

LOOKING = ("status", "count", "topics", "partitions", "pointers", "lag", "lanes", "tables", "errors", "dead list", "config show",
           "whoami", "sessions", "version", "rate", "wait lag<1000000", "count --exact", "report", "memory", "stats")


def numbers(text):
    """The counts that a table shows, without colour and grouping."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r", "")
    return [int(re.sub(r"\D", "", word)) for word in re.findall(r"\b\d{1,3}(?:[  ,\u2009\u202f]\d{3})*\b", plain)]


@pytest.mark.case(9)
def test_the_numbers_are_the_same_as_json_as_text_and_in_colour(console):
    records = sum(console.kafka.ends(console.orders).values())
    wait_until(lambda: records in numbers(console.ok("count")), "what has taken effect is counted a moment later")
    counted = console.data("count")
    text = console.ok("count")
    assert "\x1b" not in text
    assert "\r" not in text
    assert text.endswith("\n")
    assert records in numbers(text)
    assert str(records) in json.dumps(counted)
    colour = console.run_ssh("-tt", "status", env={"TERM": "xterm-256color"})
    assert colour.code == 0
    assert "\r\n" in colour.out
    assert "\x1b[" in colour.out
    plain = console.run_ssh("-tt", "status", env={"TERM": "xterm-256color", "NO_COLOR": "1"}, options=["SendEnv=NO_COLOR"])
    assert "\x1b" not in plain.out
    done = subprocess.run(["jq", "-e", ".v"], input=console.ok("status", "--json"), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "1\n")


@pytest.mark.case(9)
def test_every_looking_command_answers_in_text_and_json(console):
    for command in LOOKING:
        assert console.ok(*command.split()).endswith("\n"), command
        console.data(*command.split())


def a_dead_letter(console):
    """Its partition, with its offset, and its number. A good record of the partition follows it."""
    console.kafka.publish(console.orders, [(b"7", encode({"id": 7, "status": None}))])
    letter = wait_until(lambda: console.data("dead list")["dead_letters"], "a dead letter")[0]
    console.publish([7])
    console.wait_caught_up(console.orders)
    return letter["partition"], letter["offset"], letter["id"]


def documents(console, lines):
    """What the lines print with --json as one batch, which an error ends."""
    answer = console.run_ssh(text="".join(f"{line} --json\n" for line in lines), key="k_adm")
    assert (answer.code, answer.err) == (0, ""), answer
    return [json.loads(line) for line in answer.out.splitlines()]


def plan_of(console, line):
    answer = console.run_ssh(*line.split(), "--json", key="k_adm")
    assert answer.code == 7, answer
    return json.loads(answer.out)


# They print nothing for programs, or are for a session in a terminal, or the test that has what they need looks at what they print.
ELSEWHERE = {"clear", "exit", "history", "job run", "more", "notify test", "reconnect kafka", "session end", "set", "shutdown abort", "tail", "top"}


def test_every_command_prints_what_the_schema_says(console):
    """Beside the checks of every document that a test asks for, and of every result in its own process."""
    at, offset, letter = a_dead_letter(console)
    place = f"{at} {offset}"
    printed = documents(console, [
        "status", "check --dead 10", "count", "count --since 1s", "count --exact", "topics", f"topic {console.orders}", "partitions",
        "pointers", "lag", "rate", f"why {at}", "runway", "tables", "table public.orders", "lanes", "memory", "report", "wait lag<1000000",
        "errors", "errors --group", "incidents", "flush", "verify", "stats", f"explain {place} --sql", f"record {place}", "trace public.orders 7",
        "dead list --all", "dead group", "dead group --by topic", "dead group --rehearse", f"dead show {letter}",
        f"dead replay {letter} --dry-run", f"dead discard {letter} --reason x --yes", "resume", "log level info", "config show", "config check", "config set batch.rows 500 --confirm 5m",
        "config confirm", "config reload", "notify list", "notify mute 1s --reason x", "notify unmute", "jobs", "note x", "incident",
        "audit", "sessions", "version", "whoami", "help", "help lag", "reconnect postgres",
        f"drain {at} --reason x --timeout 1m", "resume"])
    printed.append(plan_of(console, f"rewind {at} -1"))
    back = printed[-1]["data"]["plan"]
    printed += documents(console, ["plan list", f"plan show {back}", f"apply {back} --allow-stale"])
    for line in (f"seek {at} start", f"skip {at}", f"reclaim {at}", "shutdown --now"):
        printed.append(plan_of(console, line))
        printed += documents(console, [f"plan drop {printed[-1]['data']['plan']}"])
    printed.append(plan_of(console, f"reclaim {at}"))
    printed += documents(console, [f"apply {printed[-1]['data']['plan']}"])
    printed += documents(console, [f"resume {at}", f"pause {at} --reason x", f"resume {at}"])
    for document in printed:
        check_document(document)
    seen, every = {one["command"] for one in printed}, set(console_schema()["properties"]["command"]["enum"])
    assert every - seen == ELSEWHERE, "each command is tried here, or in another test of its own"


def test_the_memory_of_each_lane_is_a_part_of_the_process(console):
    data = console.data("memory")
    held = {(row["held_by"], row["lane"]) for row in data["memory"]}
    assert {("fetched records", 1), ("batch in the server", 2), ("schemas of the registry", None)} <= held, data
    fetched = [row["limit"] for row in data["memory"] if row["held_by"] == "fetched records"]
    assert sum(limit or 0 for limit in fetched) >= 4 * 65536, f"of four partitions: {data}"
    assert data["process"]["counted"] == sum(row["bytes"] for row in data["memory"])
    resident = console.live.metrics()["process_resident_memory_bytes"]
    assert resident / 2 < data["process"]["resident"] < 2 * resident, (data, resident)


@pytest.mark.case(10)
def test_exit_codes_tell_scripts_what_happened(console):
    console.refused(2, "did you mean 'pause'", "pasue")
    console.refused(5, "no topic 'nosuch'.*" + re.escape(console.orders), "partitions", "nosuch")
    console.refused(3, "operator", "pause", "all", "--reason", "x")
    console.refused(2, "reason", "pause", "all", key="k_oper")
    holder = console.hold_pointers()
    console.refused(6, "it continues", "drain", "--reason", "test", "--yes", "--timeout", "1s", key="k_oper")
    holder.close()
    console.ok("resume", "all", key="k_oper")
    console.ok("version")


@pytest.mark.case(10)
def test_a_topic_and_a_table_are_shown_and_a_script_waits_for_them(console):
    ends = console.kafka.ends(console.orders)
    console.ok("wait", "pointer", f"{console.orders}/1", str(ends[1]), "--timeout", "1m")
    console.ok("wait", "state", "ok", console.orders)
    console.refused(6, "the lag is", "wait", "'lag < 0'", console.orders, "--timeout", "1s")
    topic = console.data("topic", console.orders)
    assert (topic["tables"], len(topic["partitions"])) == (["public.orders"], 4)
    table = console.data("table", "public.orders")
    assert [("id", "bigint", True), ("status", "text", False), ("note", "text", False)] == [
        (one["column"], one["type"], one["in_key"]) for one in table["columns"]]
    (rows,), = console.sql("SELECT count(*) FROM orders")
    assert [rows] == [one["rows"] for one in console.data("count", "public.orders", "--exact")["exact"]]


@pytest.mark.case(28)
def test_a_module_has_a_level_of_its_own_until_a_reload(console):
    assert "valid" in console.ok("config", "check", key="k_adm")
    console.refused(5, "so far: .*lane", "log", "level", "lain", "debug", key="k_oper")
    console.ok("log", "level", "lane", "debug", "--for", "10m", key="k_oper")
    console.publish(range(50))
    console.wait_caught_up(console.orders)
    wait_until(lambda: re.search(r"debug lane \d: ", console.live.log()), "a line of level debug")
    assert not re.search(r"^\S+Z debug (?!lane)", console.live.log(), re.M)
    console.refused(4, "restart", "config", "set", "postgres.lanes", "3", key="k_adm")
    seen = len(console.live.log())
    console.ok("config", "set", "batch.adaptive", "false", key="k_adm")
    console.publish(range(50))
    wait_until(lambda: re.search(r"debug lane \d: ", console.live.log()[seen:]), "the lane's own level, which a setting does not end")
    console.ok("config", "reload", key="k_adm")
    outcomes = console.sql("SELECT outcome FROM sluice.audit WHERE command = 'config reload' ORDER BY id")
    assert outcomes[-1] == ("done: no longer set by hand: batch.adaptive false of adm",)


def setting(console, name):
    (one,) = console.data("config", "show", name)["settings"]
    return one


def test_a_setting_is_set_by_hand_takes_effect_goes_back_unless_it_is_confirmed_and_ends_with_a_reload(console):
    console.wait_caught_up(console.orders)
    console.ok("config", "set", "batch.adaptive", "false", key="k_adm")
    assert "2000 -> 1" in console.ok("config", "set", "batch.rows", "1", "--confirm", "10m", key="k_adm")
    assert "stays 1" in console.ok("config", "confirm", key="k_adm")
    console.refused(4, "nothing waits", "config", "confirm", key="k_adm")

    def batches():
        return sum(number for name, number in console.live.metrics().items() if name.startswith("sluice_lane_batches_total"))
    before = batches()
    console.publish(range(40))
    console.wait_caught_up(console.orders)
    wait_until(lambda: batches() >= before + 40, lambda: f"a batch for each record: {batches() - before}")
    assert "1 -> 5" in console.ok("config", "set", "batch.rows", "5", "--confirm", "1s", key="k_adm")
    wait_until(lambda: setting(console, "batch.rows")["value"] == "1", lambda: setting(console, "batch.rows"))
    shown = setting(console, "batch.rows")
    assert (shown["source"], shown["in_file"], shown["until"]) == ("hand", "2000", None), shown
    assert "batch.rows: 5 -> 1: nobody has confirmed in time" in console.live.log()
    wait_until(lambda: console.audit("restore setting"), "a row of the audit trail")
    (row,) = console.audit("restore setting")
    assert (row[0], row[3], row[4]) == ("sluice", "batch.rows", "done: batch.rows 5 -> 1, not confirmed in time")
    console.ok("config", "set", "log.level", "warning", "--confirm", "10m", key="k_adm")
    shown = setting(console, "log.level")
    assert (shown["value"], shown["source"], shown["until"] is None) == ('"warning"', "hand", False), shown
    told = console.ok("config", "reload", key="k_adm")
    assert re.search(r"no longer set by hand: .*batch\.rows 1 of .*log\.level", told), told
    assert [setting(console, name)["source"] for name in ("batch.rows", "batch.adaptive")] == ["default", "default"]
    console.refused(2, "use 1 to 100000 records", "config", "set", "batch.rows", "0", key="k_adm")
    console.refused(3, "needs role admin", "config", "set", "batch.rows", "9", key="k_oper")


@pytest.mark.case(11)
def test_a_batch_runs_line_by_line_and_stops_at_the_first_failure(console):
    both = console.ok(text="version\n# a comment\n\nconfig show\n")
    assert "librdkafka" in both
    assert "kafka.group" in both
    assert both == console.ok(text="version\r\n# a comment\r\n\r\nconfig show\r\n")
    assert both == console.ok(text="version\r# a comment\r\rconfig show\r")
    assert both == console.ok(text="version\nconfig show")
    assert both == console.ok(text="\ufeffversion\nconfig show")  # as some editors begin a file
    for text, why in ((b"ver\0sion\n", "the character NUL"), (b"\xff\xfe\n", "a line must be UTF-8; its byte 1 is not"),
                      (b'pause "all', "has no end"), (b"x" * 5000, "a line may have 4096 bytes"),
                      (b"x" * 100_000 + b"\nversion\n", "line 1 is longer than 8 KiB")):
        console.refused(2, why, text=text)
    assert console.ok(text=b"\n \n") == console.ok(text=b"") == ""
    console.refused(2, "a line must be UTF-8; its byte 21 is not", "pause", "all", "--reason", "b\udcff\udcfe")
    answer = console.run_ssh(text="version\npasue\nwhoami\n")
    assert answer.code == 2, answer
    assert re.search(r"line 2.*|.*pasue.*", answer.err)
    assert "viewer" not in answer.out
    assert re.search("2", answer.err)


@pytest.mark.case(11)
def test_a_long_batch_is_answered_to_its_end(console):
    lines = 1000  # those of commands that ask PostgreSQL would take 48 s
    for command in ("whoami", "version"):
        answer = console.run_ssh(text=f"{command} --json\n" * lines, seconds=120)
        assert (answer.code, answer.err) == (0, "")
        assert lines == answer.out.count(f'"command":"{command}"')
        print(f"{lines} lines of {command} in {answer.took:.1f} s")
        assert answer.took < 40 or console.sanitized()


@pytest.mark.case(9)
def test_a_watched_command_shows_one_document_a_line_and_ends_with_its_reader(console):
    watching = console.access.popen("status", "--watch", "1s", "--json")
    documents = [json.loads(watching.stdout.readline()) for _ in range(2)]
    watching.kill()
    watching.communicate(timeout=60)
    assert [one["command"] for one in documents] == ["status", "status"]
    assert documents[1]["data"]["uptime_seconds"] > documents[0]["data"]["uptime_seconds"]
    wait_until(lambda: len(console.data("sessions")["sessions"]) == 1, "the end of the watching session")


@pytest.mark.case(28)
def test_a_setting_that_nobody_confirms_goes_back_and_the_log_says_so(console):
    console.refused(2, "did you mean 'log.level'", "config", "set", "log.levle", "debug", key="k_adm")
    console.refused(2, r"use debug \| info \| warning \| error", "config", "set", "log.level", "loud", key="k_adm")
    assert '"info" -> "debug"' in console.ok("config", "set", "log.level", "debug", "--confirm", "1s", key="k_adm")
    wait_until(lambda: 'log.level: "debug" -> "info": nobody has confirmed in time' in console.live.log(), console.live.tail)
    shown, = console.data("config", "show", "log.level", key="k_adm")["settings"]
    assert shown["value"] == '"info"'
    console.refused(4, "nothing waits", "config", "confirm", key="k_adm")
    password = console.run_ssh("config", "set", "postgres.url", "postgresql://app:hunter2@h/d", key="k_adm")
    assert password.code == 4 and "hunter2" not in password.err
    assert "hunter2" not in console.live.log() + console.ok("audit", "--json", key="k_adm") + console.ok("errors")


@pytest.mark.case(20)
def test_signals_that_end_a_program_end_a_command_and_no_others_do(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        for name, code in (("WINCH", 6), ("", 6), ("\x1b[31m", 6), ("INT", 130), ("TERM", 130), ("HUP", 130)):
            channel = raw.transport.open_session(timeout=60)
            channel.exec_command("wait lag<0 --timeout " + ("1s" if code == 6 else "10m"))
            wait_until(lambda: any(one["command"].startswith("wait") for one in console.sessions()), "the command")
            raw.send(98, channel.remote_chanid, "signal", False, name)
            assert channel.recv_exit_status() == code, name


@pytest.mark.case(15, 32)
def test_a_shell_and_commands_of_one_connection_end_each_for_itself_also_while_its_keys_are_renewed(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_oper") as raw:
        shell, tail = raw.transport.open_session(timeout=60), raw.transport.open_session(timeout=60)
        shell.get_pty("xterm", 0, 2**32 - 1)
        shell.invoke_shell()
        tail.exec_command("tail --json")
        for number in range(20):
            raw.transport.renegotiate_keys()
            shell.resize_pty(number * 2**27, 2**31 - number)
        shell.sendall(b"version\rquit\r")
        seen = b""
        while more := shell.recv(65536):
            seen += more
        assert b"libssh" in seen and seen.endswith(b"bye\r\n")
        assert shell.recv_exit_status() == 0
        command = raw.transport.open_session(timeout=60)
        command.exec_command("whoami")
        assert command.recv_exit_status() == 0
        assert not tail.exit_status_ready()


@pytest.mark.case(11, 20)
def test_what_is_sent_before_a_channel_has_its_purpose_is_not_lost(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        batch = raw.transport.open_session(timeout=60)
        raw.send(94, batch.remote_chanid, b"version\nwho")
        batch.sendall(b"ami\n")
        batch.invoke_shell()
        batch.shutdown_write()
        assert until(batch, b"libssh", b"viewer") and exit_code(batch) == 0
        shell = raw.open_terminal()
        raw.send(94, shell.remote_chanid, b"version\r")
        shell.invoke_shell()
        until(shell, b"libssh")
        # A key that is pressed behind a command in the same moment is for the command.
        shell.sendall(b"wait lag<0 --timeout 10m\r\x03")
        until(shell, b"^C")
        shell.sendall(b"top\rq")
        until(shell, b"\x1b[?1049h", b"\x1b[?1049l")
        shell.sendall(b"quit\r")
        until(shell, b"bye\r\n")
        command = raw.open_terminal()
        raw.send(98, command.remote_chanid, "exec", False, "wait lag<0 --timeout 10m")
        raw.send(94, command.remote_chanid, b"\x03")
        assert exit_code(command) == 130
        top = raw.open_terminal()
        raw.send(94, top.remote_chanid, b"q")
        raw.send(98, top.remote_chanid, "exec", False, "top")
        assert exit_code(top) == 0


@pytest.mark.case(20, 31)
def test_what_is_typed_behind_the_key_that_ends_a_view_is_for_the_prompt(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_oper") as raw:
        shell = raw.open_shell()
        until(shell, b"> ")
        for view, begun, key in (("top", b"\x1b[?1049h", b"q"), ("top", b"\x1b[?1049h", b"n\x03"), ("tail", b"", b"\x03"),
                                 ("status --watch 1s", b"streaming", b"\x03"), ("wait lag<0 --timeout 10m", b"", b"\x03")):
            shell.sendall(view.encode() + b"\r")
            wait_until(lambda: any(one["command"] == view for one in console.sessions()), view)
            until(shell, begun)
            shell.sendall(key + b"whoam\x1b[D\x1b[Ci\rversion\r")
            until(shell, b"fingerprint", b"libssh")
        shell.sendall(b"top\r")
        until(shell, b"\x1b[?1049h")
        shell.sendall(b"q" + b" " * 3000 + b"whoami\rquit\r")  # more than a view keeps of what it has not read
        until(shell, b"fingerprint", b"bye\r\n")
        assert exit_code(shell) == 0


@pytest.mark.case(10)
@pytest.mark.parametrize("more", (False, True))
def test_a_command_that_holds_a_nul_is_refused_and_not_run_in_part(console, more):
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        channel = raw.transport.open_session(timeout=60)
        if more:  # other requests before it
            channel.get_pty("xterm", 80, 24)
            channel.update_environment({"LC_ALL": "C.UTF-8"})
        channel.exec_command("whoami\0 --json")
        assert exit_code(channel) == 2
        assert b"NUL" in (channel.recv(4096) if more else channel.recv_stderr(4096))


@pytest.mark.case(20)
def test_a_paste_without_an_end_can_be_left_and_a_pasted_ctrl_c_runs_nothing(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw:
        shell = raw.open_shell()
        until(shell, b"> ")
        shell.sendall(b"\x1b[200~pasted \x03version\r\x04more")
        until(shell, b"pasted version")
        shell.sendall(b"\x03")
        seen = until(shell, b"^C\r\n", b"> ")
        assert b"libssh" not in seen
        shell.sendall(b"version\r")
        until(shell, b"libssh")
        shell.sendall(b"\x1b[200~")
        shell.sendall(b"\x04")
        until(shell, b"bye\r\n")


@pytest.mark.case(13)
def test_check_tells_monitoring(console):
    wait_until(lambda: console.run_ssh("check", "--lag", "30s").code == 0, lambda: console.run_ssh("check", "--lag", "30s"))
    console.ok("pause", console.orders, "--reason", "t", key="k_oper")
    paused = console.run_ssh("check")
    assert (paused.code, "note: " + console.orders + " paused by oper" in paused.out) == (0, True), paused
    assert console.run_ssh("check", "--pause-age", "1ms").code == 10
    console.ok("resume", console.orders, key="k_oper")
    wait_until(lambda: console.run_ssh("check").code == 0, lambda: console.run_ssh("check"))


@pytest.mark.case(13)
def test_check_answers_while_postgresql_is_away(console):
    console.live.expected.append("PostgreSQL|connection")
    console.postgres.stop()
    try:
        answer = wait_until(lambda: [one for one in [console.run_ssh("check")] if one.code == 11],
                            lambda: f"critical: {console.run_ssh('check')}", 60)[0]
        assert (answer.out + answer.err).count("\n") == 1, answer
        print(f"answered in {answer.took:.2f} s without PostgreSQL")
        assert console.run_ssh("status").code == 0
    finally:
        console.postgres.start()
    wait_until(lambda: console.run_ssh("check").code == 0, lambda: console.run_ssh("check"), 60)


@pytest.mark.case(14)
def test_forwarding_subsystems_and_copies_are_refused(console):
    port = free_port()
    seen = len(console.live.log())
    forward = console.popen("-N", options=["LogLevel=INFO", f"LocalForward=127.0.0.1:{port} 127.0.0.1:{console.live.port}"])

    def probe():
        return subprocess.run(["curl", "-s", "-m", "5", f"http://127.0.0.1:{port}/healthz"], capture_output=True).returncode
    wait_until(lambda: probe() not in (0, 7), "the forwarded port, which must lead nowhere")
    forward.kill()
    assert b"administratively prohibited" in forward.communicate(timeout=60)[1]
    remote = console.run_ssh("-N", options=["ExitOnForwardFailure=yes", f"RemoteForward={free_port()} 127.0.0.1:1"])
    assert remote.code != 0
    assert "remote port forwarding failed" in remote.err
    stdio = subprocess.run([*console.access.ssh()[:-1], "-W", "127.0.0.1:1", "console"], capture_output=True, text=True,
                           timeout=60)
    assert "stdio forwarding failed" in stdio.stderr
    assert "subsystem request failed" in console.run_ssh("-s", "netconf").err
    for copy in (["scp", "-q"], ["scp", "-q", "-O"], ["sftp", "-q", "-b", "/dev/null"]):
        config = [*copy, "-F", str(console.access.folder / "config"), "-i", str(console.access.folder / "k_view")]
        place = ["console"] if copy[0] == "sftp" else ["console:/etc/passwd", str(console.access.folder / "copy")]
        done = subprocess.run([*config, *place], capture_output=True, timeout=60)
        assert done.returncode != 0, copy
    assert not (console.access.folder / "copy").exists()
    console.ok("version", options=["ForwardAgent=yes", "ForwardX11=yes"])
    wait_until(lambda: re.search("forward", console.live.log()[seen:]), console.live.tail)
    wait_until(lambda: console.sql("SELECT 1 FROM sluice.audit WHERE command || ' ' || coalesce(target, '') || detail::text"
                                   " || outcome LIKE '%%forward%%'"), lambda: f"an audit row: {console.audit()}")


@pytest.mark.case(14)
def test_a_connection_that_asks_for_nothing_is_ended(console):
    """Also one that has opened a channel, as of a client that is stopped before it sends its command: it takes a place."""
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as stopped:
        channel = stopped.open_terminal()
        answer = console.run_ssh("-N")
        assert answer.code != 0
        assert answer.err.strip(), "a reason"
        print(f"ended after {answer.took:.0f} s: {answer.err.strip()}")
        wait_until(lambda: not stopped.transport.is_active(), "the end of a connection whose channel is for nothing")
        assert channel.closed


@pytest.mark.case(15)
def test_one_connection_carries_several_commands_and_is_never_lost(console):
    path = console.access.folder / "control"
    shared = ["ControlPath=" + str(path)]
    master = console.popen("-N", "-M", options=shared)
    wait_until(path.exists, "the control socket")
    for count in (4, 15):
        clients = [console.popen("version", options=shared) for _ in range(count)]
        outs = [client.communicate(timeout=60) for client in clients]
        codes = [client.returncode for client in clients]
        print(f"{count} at once: {codes.count(0)} answered")
        assert codes.count(0) >= 1
        assert all(code == 0 or error for code, (_, error) in zip(codes, outs))
    assert console.run_ssh("version", options=shared).code == 0, "the connection has survived"
    assert master.poll() is None
    master.terminate()
    master.communicate(timeout=60)
