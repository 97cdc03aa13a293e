"""The operator's night: what waits can be ended, dry runs say what PostgreSQL says, changes of access leave a trace."""
import json
import re

import psycopg2
import pytest

from support.pipeline import encode
from support.sluice import run
from support.waiting import wait_until


def lock(console, table):
    """A transaction that lets nobody read or write a table of Sluice's. Close it to go on."""
    holder = psycopg2.connect(console.url, connect_timeout=60)
    console.cleanup.callback(holder.close)
    with holder.cursor() as cursor:
        cursor.execute(f"LOCK TABLE sluice.{table} IN ACCESS EXCLUSIVE MODE")
    return holder


def waiting(console):
    return console.sql("SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                       " AND query LIKE 'SELECT%%audit%%'")


def test_ctrl_c_ends_a_command_that_waits_for_postgresql_in_the_server_too(console):
    screen = console.screen(key="k_adm")
    holder = lock(console, "audit")
    screen.type("audit").keys("Enter")
    wait_until(lambda: waiting(console), "a query that waits for the lock")
    screen.keys("C-c")
    screen.wait(r"error: cancelled", seconds=60)
    screen.wait(rf"^{console.name}> ?$")
    wait_until(lambda: not waiting(console), lambda: f"nothing waits any more: {waiting(console)}", 20)  # by itself after 25
    # The level of the log is changed although that cannot be recorded now; the row is stored later, with its time.
    answer = console.run_ssh("log", "level", "debug", "--for", "10m", key="k_oper")
    assert answer.code == 0, answer
    assert "info -> debug" in answer.out
    stored = "SELECT outcome FROM sluice.audit WHERE command = 'log level'"
    holder.close()
    wait_until(lambda: ("done: info -> debug",) in console.sql(stored), lambda: console.sql(stored))
    console.publish(range(50))
    console.wait_caught_up(console.orders)
    for word in (r"polled \d+ records", r"submits \d+ records", r"committed \d+ records", r"advanced from \d+ to \d+"):
        wait_until(lambda: re.search("debug lane .*" + word, console.live.log()), f"a line of level debug: {word}")
    console.ok("log", "level", "info", key="k_oper")
    screen.keys("C-d").wait_ended()
    wait_until(lambda: {"login", "logout"} <= {row[2] for row in console.audit("log%")}, lambda: console.audit("log%"))


@pytest.mark.alone
def test_dry_runs_and_explain_say_what_postgresql_says_and_leave_nothing_behind(console):
    console.sql("ALTER TABLE orders ADD CONSTRAINT small CHECK (id < 90000)")
    console.kafka.publish(console.orders, [(b"95000", encode({"id": 95000, "status": "x", "note": None}))])
    console.wait_caught_up(console.orders)
    (letter, partition, offset), = console.sql("SELECT id, partition, record_offset FROM sluice.dead_letter")
    wait_until(lambda: console.run_ssh("check").code == 10, "a new dead letter in check", 20)
    dry = console.ok("dead", "replay", str(letter), "--dry-run", key="k_oper")
    assert "PostgreSQL would refuse: 23514" in dry
    explained = console.data("explain", f"{console.orders}/{partition}", str(offset), key="k_oper")
    assert (explained["outcome"], explained["sqlstate"]) == ("dead", "23514")
    assert console.data("explain", f"{console.orders}/{partition}", str(offset), "--dry", key="k_oper")["outcome"] == "applied"

    def explain(*more, text=""):
        done = run("explain", "--config", console.live.config, "--topic", console.orders, *more, text=text)
        assert done.returncode == 0, done
        return done.stdout
    assert "would refuse: 23514" in explain("--at", f"{partition}:{offset}")
    good = json.dumps({"key": "7", "value": {"id": 7, "status": "y"}})
    assert "accepts it; rolled back" in explain(text=good)
    assert "was not asked" in explain("--dry", text=good)
    assert console.sql("SELECT count(*) FROM orders WHERE id >= 90000 OR status = 'y'") == [(0,)]
    assert console.sql("SELECT attempts FROM sluice.dead_letter") == [(1,)]
    console.sql("ALTER TABLE orders DROP CONSTRAINT small")
    assert "would be applied" in console.ok("dead", "replay", str(letter), "--dry-run", key="k_oper")
    assert "accepts it" in console.ok("explain", f"{console.orders}/{partition}", str(offset), key="k_oper")
    assert console.sql("SELECT count(*) FROM orders WHERE id >= 90000") == [(0,)]


def peak(console):
    return console.live.status_of("VmHWM") / 1024


@pytest.mark.alone
def test_a_replay_of_many_large_letters_needs_the_memory_of_a_few(console):
    console.sql("ALTER TABLE orders ADD CONSTRAINT small CHECK (id < 90000)")
    text = "x" * 200_000
    for first in range(95_000, 95_200, 10):  # the demo's broker drops the beginning of a log of some megabytes
        console.kafka.publish(console.orders, [(b"%d" % n, encode({"id": n, "status": "x", "note": text}))
                                               for n in range(first, first + 10)])
        console.wait_caught_up(console.orders)
    assert console.sql("SELECT count(*) FROM sluice.dead_letter") == [(200,)]
    console.ok("dead", "list", key="k_oper")
    before = console.rss()
    with open(f"/proc/{console.live.process.pid}/clear_refs", "w") as file:
        file.write("5")  # the peak counts from now on
    answer = console.run_ssh("dead", "replay", "--table", "public.orders", "--dry-run", "--force", key="k_oper")
    assert answer.code == 0, answer
    growth = peak(console) - before
    print(f"peak {growth:+.1f} MiB over {before:.1f}")
    assert answer.out.count("PostgreSQL would refuse: 23514") == 200
    assert console.sanitized() or growth < 30


def test_a_reload_says_what_is_in_force_and_what_needs_a_restart_and_who_gained_access(console):
    path = console.live.config
    with open(path) as file:
        old = file.read()
    with open(path, "w") as file:
        file.write(old.replace('level = "info"', 'level = "debug"').replace("[kafka]", '[batch]\nlinger = "7ms"\n[kafka]', 1))
    try:
        console.access.make_key("k_new")
        console.access.write_keys(console.access.line("k_new", "operator"))
        console.live.reload()
        wait_until(lambda: "reload: read" in console.live.log(), console.live.tail)
        told = console.live.log()
        assert re.search(r'log\.level: "info" -> "debug": in force', told)
        assert re.search(r'batch\.linger: "5ms" -> "7ms": needs a restart', told)
        wait_until(lambda: console.live.metrics().get("sluice_config_last_reload_successful") == 1, console.live.tail)
        fingerprint = console.access.fingerprint("k_new")
        wait_until(lambda: any(fingerprint in row[3] for row in console.audit("key added")), lambda: console.audit("key%"))
        with open(path, "w") as file:
            file.write("nonsense")
        console.live.expected = ["not reloaded"]
        console.live.reload()
        wait_until(lambda: console.live.metrics().get("sluice_config_last_reload_successful") == 0, console.live.tail)
    finally:
        with open(path, "w") as file:
            file.write(old)
    console.access.write_keys()
    console.live.reload()
    wait_until(lambda: console.live.metrics().get("sluice_config_last_reload_successful") == 1, console.live.tail)
    wait_until(lambda: any(fingerprint in row[3] for row in console.audit("key removed")), lambda: console.audit("key%"))
