"""The interactive session as an operator sees it in a terminal."""
import concurrent.futures
import os
import pty
import re
import select
import subprocess
import time

import pytest

from support.raw_ssh import Raw, until
from support.waiting import wait_until

CODES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def prompt(console):
    return f"{console.name}> "


def line(console, screen):
    """What is being edited: the last line, after the prompt; None while there is no prompt."""
    last = screen.lines()[-1]
    return last[len(prompt(console)):] if last.startswith(prompt(console).strip()) else None


def wait_line(console, screen, text, column=None):
    wait_until(lambda: line(console, screen) == text, lambda: f"{text!r} on:\n{screen.text()}")
    if column is not None:
        wait_until(lambda: screen.cursor()[0] == len(prompt(console)) + column, lambda: f"column {column}: {screen.cursor()}")


@pytest.mark.case(16)
def test_tab_completes_words_and_live_names_and_runs_nothing(console):
    screen = console.screen()
    screen.type("statu").keys("Tab")
    wait_line(console, screen, "status")
    screen.keys("C-u").type("pause " + console.orders[:-3]).keys("Tab")
    wait_line(console, screen, "pause " + console.orders)
    screen.keys("C-u").type("p").keys("Tab", "Tab")
    screen.wait(r"partitions.*pause.*pointers|partitions\s+pause|pause\n")
    wait_line(console, screen, "p")
    assert console.sql("SELECT 1 FROM sluice.pause") == []
    screen.keys("C-u", "C-d").wait_ended()


@pytest.mark.case(17)
def test_editing_keys_move_and_change_and_history_keeps_the_draft(console):
    screen = console.screen()
    screen.type("version").keys("Enter").wait(r"libssh")
    screen.type("whoami").keys("Enter").wait(r"viewer|operator")
    screen.type("helo").keys("Left").type("l")
    wait_line(console, screen, "hello", 4)
    screen.keys("C-a")
    wait_line(console, screen, "hello", 0)
    screen.keys("C-e")
    wait_line(console, screen, "hello", 5)
    screen.keys("Home", "Right", "Right", "C-k")
    wait_line(console, screen, "he", 2)
    screen.keys("BSpace", "End")
    screen.type(" two words").keys("C-w")
    wait_line(console, screen, "h two", 6)
    screen.keys("Home", "DC")
    wait_line(console, screen, " two", 0)
    screen.keys("Up")
    wait_line(console, screen, "whoami")
    screen.keys("Up")
    wait_line(console, screen, "version")
    screen.keys("Down", "Down")
    wait_line(console, screen, " two")
    screen.keys("C-u")
    wait_line(console, screen, "")
    screen.keys("C-d").wait_ended()


@pytest.mark.case(18)
def test_wide_characters_keep_the_cursor_right_and_long_lines_scroll_on_one_row(console):
    screen = console.screen()
    screen.type("中文é👍")
    wait_line(console, screen, "中文é👍")
    for width in (5, 4, 2, 0):
        screen.keys("BSpace")
        wait_until(lambda: screen.cursor()[0] == len(prompt(console)) + width, lambda: f"{width}: {screen.cursor()}")
    row = screen.cursor()[1]
    text = "".join(chr(ord("a") + n % 26) for n in range(150))
    screen.type(text)
    wait_until(lambda: screen.lines()[-1].endswith(text[-20:]), screen.text)
    assert row == screen.cursor()[1]
    for columns in (40, 20):
        screen.resize(columns)
        wait_until(lambda: 0 < screen.cursor()[0] < columns, screen.text)
    screen.resize(100)
    screen.keys("C-a", "C-k").type("whoami").keys("Enter")
    screen.wait("operator")
    screen.keys("C-d").wait_ended()


@pytest.mark.case(20)
def test_ctrl_c_drops_a_line_or_ends_a_wait_and_undoes_nothing(console):
    screen = console.screen()
    screen.type("half a li").keys("C-c")
    screen.wait(r"\^C")
    wait_line(console, screen, "")
    holder = console.hold_pointers()
    try:
        screen.type(f"pause {console.orders} --reason held --timeout 600s").keys("Enter")
        wait_until(lambda: console.sql("SELECT 1 FROM sluice.pause"), "the pause in the table")
        screen.keys("C-c")
        screen.wait("stays in force")
        wait_line(console, screen, "")
        assert [(console.orders,)] == console.sql("SELECT target FROM sluice.pause")
    finally:
        holder.close()
    console.ok("resume", console.orders, key="k_oper")
    screen.keys("C-d").wait_ended()


@pytest.mark.case(20, 30)
def test_ctrl_c_ends_a_tail_with_the_prompt_or_a_code_and_quit_leaves(console):
    screen = console.screen()
    screen.type("tail").keys("Enter")
    wait_until(lambda: any(one["command"] == "tail" for one in console.sessions()), "the tail")

    def seen():  # what is published before the tail has its place is not shown
        console.publish([7], note="\x1b[2Jseen")
        return re.search(r"\\u(001b|\{1b\})\[2Jseen", screen.text())
    wait_until(seen, screen.text, every=0.5)
    screen.keys("C-c").wait(r"\^C")
    wait_line(console, screen, "")
    screen.type("quit").keys("Enter")
    assert screen.wait_ended() == 0 and "bye" in screen.text()
    alone = console.screen("tail")
    wait_until(lambda: any(one["command"] == "tail" for one in console.sessions()), "the tail")
    alone.keys("C-c")
    assert alone.wait_ended() == 130


@pytest.mark.case(20)
def test_ctrl_d_deletes_in_a_line_and_leaves_at_its_beginning(console):
    screen = console.screen()
    screen.type("abc").keys("C-a", "C-d")
    wait_line(console, screen, "bc", 0)
    screen.keys("C-k", "C-d")
    assert screen.wait_ended() == 0
    assert "bye" in screen.text()


@pytest.mark.case(20)
def test_exit_leaves_after_all_output_has_arrived(console):
    answer = console.run_ssh(text="help\n" * 20 + "exit\nversion\n")
    assert answer.code == 0, answer
    assert 20 * console.ok("help").count("\n") == answer.out.count("\n") - answer.out.count("bye")


def dialogue(console, term, typed):
    """What arrives byte by byte at a terminal of this kind."""
    master, slave = pty.openpty()
    client = subprocess.Popen(console.access.ssh("-tt", key="k_oper"), stdin=slave, stdout=slave, stderr=slave,
                              env={**os.environ, "TERM": term})
    os.close(slave)
    console.cleanup.callback(client.wait, 60)
    console.cleanup.callback(client.kill)
    seen, step, deadline = b"", 0, time.monotonic() + 120
    waiting = prompt(console).strip().encode()
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.2)[0]:
            # The client's own terminal is raw now; the next line is typed when a prompt stands at the end.
            if CODES.sub(b"", seen).rstrip().endswith(waiting) and step < len(typed):
                os.write(master, typed[step])
                step += 1
            continue
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        seen += more
    os.close(master)
    assert len(typed) == step, seen
    return seen


@pytest.mark.case(21)
@pytest.mark.parametrize("term", ["dumb", "", "xterm\x1b]0;x\x07"], ids=["dumb", "none", "hostile"])
def test_a_dumb_terminal_gets_no_escape_codes_at_all(console, term):
    seen = dialogue(console, term, [b"whoanu\x7f\x7fmi\r", b"status\r", b"exit\r"])
    assert b"operator" in seen
    assert b"\x1b" not in seen


@pytest.mark.case(21)
def test_an_old_terminal_gets_codes_of_our_list_only(console):
    seen = dialogue(console, "vt100", [b"whoami\r", b"exit\r"])
    assert b"operator" in seen
    rest = CODES.sub(b"", seen)
    assert b"\x1b" not in rest


def test_a_watched_command_is_redrawn_in_its_place_until_ctrl_c(console):
    screen = console.screen()
    screen.type("status --watch 1s").keys("Enter").wait(r"postgres +lanes connected")
    first = screen.text()
    wait_until(lambda: screen.text() != first, screen.text)
    wait_until(lambda: screen.text().count("lanes connected") == 1, screen.text)  # it may be in the middle of drawing
    screen.keys("C-c")
    wait_line(console, screen, "")
    screen.keys("C-d").wait_ended()


def test_a_list_longer_than_the_screen_stops_at_its_end_and_more_goes_on(console):
    for _ in range(5):
        console.ok("version")  # each a login and a logout in the trail, which are stored a moment later
    wait_until(lambda: len(console.audit("log%")) >= 10, lambda: console.audit("log%"))
    screen = console.screen(key="k_adm", rows=10)
    screen.type("audit").keys("Enter").wait(r"\d+ more lines: 'more' shows the next")
    wait_line(console, screen, "")
    first = screen.text()
    assert re.match(r" *id +at ", first) or re.search(r"> audit\n *id +at ", first), first
    screen.type("more").keys("Enter")
    wait_until(lambda: screen.text() != first and "> more" not in screen.text().splitlines()[-1] and " login " in screen.text(),
               screen.text)
    screen.keys("C-d").wait_ended()


@pytest.mark.case(16, 17)
def test_ctrl_r_finds_a_line_again_and_a_question_mark_says_what_may_follow(console):
    screen = console.screen()
    screen.type("version").keys("Enter").wait(r"libssh")
    screen.type("whoami").keys("Enter").wait(r"fingerprint")
    wait_line(console, screen, "")
    screen.keys("C-r").type("ver").wait(r"^\(search 'ver'\) version$")
    screen.keys("C-a").type("x")
    wait_line(console, screen, "xversion", 1)
    screen.keys("C-k", "C-u").type("dead ?").wait(r"^dead list +The dead letters")
    wait_line(console, screen, "dead", 5)
    screen.keys("C-u").type("history -n 2").keys("Enter").wait(r"^ +\d+ +whoami$")
    wait_line(console, screen, "")
    screen.type("set width 40").keys("Enter").wait(r"^width +40$")
    screen.type("errors").keys("Enter")
    screen.wait(r"\d+ errors since")
    screen.keys("C-d").wait_ended()


def wait_dashboard(screen, columns, rows, *patterns):
    """A whole frame of the window's size: no line wrapped, all patterns on it."""
    def seen():
        lines = screen.text().split("\n")
        return (screen.shown("alternate_on") == "1" and len(lines) <= rows and all(len(line) < columns for line in lines)
                and all(re.search(pattern, "\n".join(lines), re.M) for pattern in patterns))
    wait_until(seen, lambda: f"{patterns} on {columns}x{rows}:\n{screen.text()}")


def wait_restored(console, screen, before):
    """The prompt, the cursor, and what stood there before."""
    wait_line(console, screen, "")
    assert (screen.shown("alternate_on"), screen.shown("cursor_flag")) == ("0", "1")
    assert screen.text().startswith(before)


@pytest.mark.case(31)
def test_top_fits_its_window_obeys_its_keys_and_gives_the_screen_back(console):
    screen = console.screen(columns=80, rows=24)
    greeting = screen.text()
    screen.type("top").keys("Enter")
    orders = re.escape(console.orders)
    wait_dashboard(screen, 80, 24, rf"^{console.name}  streaming  up ", r"^applied +[\d.]+", r"^arrived ", r"^lag +0 records",
                   r"^partition +state +lag", rf"^{orders}/3 +ok +0 ", r"^lane +connected", r"^ +1  yes")
    assert screen.shown("cursor_flag") == "0"
    screen.type("n").wait(r"by name +\? help  q quit$")
    screen.type("?").wait(r"^q +back to the prompt")
    screen.type("?/" + "/3").keys("Enter")
    wait_until(lambda: f"{console.orders}/3" in screen.text() and f"{console.orders}/0" not in screen.text(), screen.text)
    screen.keys("Escape")
    screen.resize(200, 60)
    wait_dashboard(screen, 200, 60, rf"^{orders}/0 +ok", r"^lane +connected", r"\? help  q quit$")
    screen.resize(40, 10)
    wait_dashboard(screen, 40, 10, r"^partition +state", r"^lag +0 records")
    screen.resize(80, 24)
    console.ok("pause", f"{console.orders}/2", "--reason", "\x1b[2Jvacuum", key="k_oper")
    wait_dashboard(screen, 80, 24, rf"^{orders}/2 +paused .*paused by oper")
    console.ok("resume", f"{console.orders}/2", key="k_oper")
    screen.type("q")
    wait_restored(console, screen, greeting)
    screen.type("top").keys("Enter")
    wait_dashboard(screen, 80, 24, r"\? help  q quit$")
    screen.keys("C-c")
    wait_restored(console, screen, greeting)
    screen.keys("C-d").wait_ended()


@pytest.mark.case(31)
def test_top_as_a_command_ends_with_a_code_and_prints_frames_in_a_pipe(console):
    piped = console.ok("top", "--frames", "2", key="k_view")
    assert piped.count("every 1s") == 2 and "\x1b" not in piped
    for key, code in (("q", 0), ("C-c", 130)):
        screen = console.screen("top", columns=80, rows=24)
        wait_dashboard(screen, 80, 24, r"\? help  q quit$")
        screen.keys(key)
        assert screen.wait_ended() == code
        assert (screen.shown("alternate_on"), screen.shown("cursor_flag")) == ("0", "1")


@pytest.mark.case(31, 40)
def test_who_is_ended_by_an_admin_reads_why_on_a_restored_screen(console):
    screen = console.screen("top", columns=80, rows=24)
    wait_dashboard(screen, 80, 24, r"\? help  q quit$")
    mine, = [one["id"] for one in console.sessions() if one["command"] == "top"]
    console.refused(3, "admin", "session", "end", str(mine), key="k_oper")
    assert "done" in console.ok("session", "end", str(mine), "--reason", "maintenance", key="k_adm")
    screen.wait_ended()
    screen.wait(r"ended by adm: maintenance")
    assert (screen.shown("alternate_on"), screen.shown("cursor_flag")) == ("0", "1")
    assert [("admin", str(mine), f"done: session {mine} of oper")] == [
        (row[1], row[3], row[4]) for row in console.audit("session end") if row[0] == "adm"]


def test_rate_has_means_and_a_picture(console):
    console.publish(range(5_000, 6_000))
    console.wait_caught_up(console.orders)
    wait_until(lambda: console.data("rate", "--over", "15m")["applied_peak"] is not None, "a rate")
    data = console.data("rate", console.orders)
    assert [1, 10, 60, 300] == [mean["over_seconds"] for mean in data["means"]]
    wait_until(lambda: console.data("rate", console.orders)["applied_peak"] > 0, "the thousand records among the rates")


@pytest.mark.case(17)
def test_a_key_is_answered_at_once_while_the_service_is_busy(console):
    with Raw(console.access.port).log_in(console.access.folder, "k_view") as raw, concurrent.futures.ThreadPoolExecutor(2) as pool:
        shell = raw.open_shell(columns=200)
        until(shell, b"> ")
        busy = [pool.submit(console.publish, range(20_000)), pool.submit(console.run_ssh, text="partitions\n" * 100)]
        took = []
        while len(took) < 20 or (len(took) < 150 and not all(one.done() for one in busy)):
            begin = time.monotonic()
            shell.sendall(b"x")
            until(shell, b"x")
            took.append(time.monotonic() - begin)
        assert busy[1].result().code == 0
        print(f"{len(took)} keys, half of them within {sorted(took)[len(took) // 2] * 1000:.1f} ms, slowest {max(took) * 1000:.0f} ms")
        assert min(took) < 0.2
    console.wait_caught_up(console.orders)
