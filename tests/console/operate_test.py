"""The operator's night: what waits can be ended, dry runs say what PostgreSQL says, changes of access leave a trace."""
import concurrent.futures
import itertools
import json
import os
import re
import signal
import threading

import psycopg2
import pytest

from support.json_schema import check_document
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


def test_verify_proves_what_the_command_line_proves_and_ctrl_c_ends_it(console):
    # Comes first: others of this module write one key's records to several partitions, which leaves their order open.
    console.wait_caught_up(console.orders)
    told = console.data("verify", "--deep", key="k_oper")
    assert [(one["partition"], one["result"]) for one in told["partitions"]] == [(n, "ok") for n in range(4)], told
    assert told["problems"] == [] and any("table public.orders" in one["compared"] for one in told["compared"]), told
    assert console.sql("SELECT count(*) FROM sluice.verification WHERE result = 'ok'")[0][0] >= 4
    console.sql("UPDATE sluice.pointer SET applied = applied + 1 WHERE topic = %s AND partition = 2", console.orders)
    try:
        failed = console.run_ssh("verify", f"{console.orders}/2", key="k_oper")
        assert failed.code == 1 and "the accounting does not hold" in failed.out, failed
        assert f"{console.orders}/2" in failed.out and "proved: 0 of 1 partition" in failed.err, failed
        assert console.run_ssh("verify", f"{console.orders}/1", key="k_oper").code == 0
    finally:
        console.sql("UPDATE sluice.pointer SET applied = applied - 1 WHERE topic = %s AND partition = 2", console.orders)
    stored, holder = console.sql("SELECT count(*) FROM sluice.verification"), lock(console, "pointer")
    screen = console.screen()
    screen.type("verify").keys("Enter")
    wait_until(lambda: console.sql("SELECT 1 FROM pg_stat_activity WHERE application_name = 'sluice verify' AND wait_event_type = 'Lock'"),
               "a proof that waits for the lock")
    screen.keys("C-c")
    screen.wait(r"nothing of this proof is stored", seconds=60)
    holder.close()
    assert console.sql("SELECT count(*) FROM sluice.verification") == stored
    console.ok("verify", key="k_oper")  # what is stored last holds


@pytest.mark.case(20)
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


def test_why_names_the_session_that_has_the_table_locked_and_what_would_free_it(console):
    holder = psycopg2.connect(console.url, connect_timeout=60, application_name="nightly report")
    console.cleanup.callback(holder.close)
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE")
    session, partition = holder.info.backend_pid, f"{console.orders}/0"
    console.publish(range(100))
    wait_until(lambda: console.data("why", partition)["cause"] == "lock", lambda: console.data("why", partition))
    sentence = console.ok("why", partition)
    assert re.search(rf"^{partition} waits with lane \d since \S+Z \(.*\): its transaction waits for session {session} \(nightly report, "
                     r"user \S+, idle in transaction\), which has what it needs locked by a transaction that began at \S+Z; "
                     rf"it resumes once .* pg_terminate_backend\({session}\) ends it$", sentence), sentence
    holder.close()
    console.wait_caught_up(console.orders)
    wait_until(lambda: console.data("why", partition)["cause"] == "nothing", lambda: console.data("why", partition))


def write_one(console):
    """Writes the order 1 anew; returns its partition."""
    return console.kafka.publish(console.orders, [(b"1", encode({"id": 1, "status": "new"}))])[0][0]


@pytest.mark.parametrize("locked", ["LOCK TABLE public.orders IN SHARE MODE", "SELECT FROM public.orders WHERE id = 1 FOR UPDATE"])
def test_why_names_the_prepared_transaction_that_was_forgotten(console, locked):
    partition = f"{console.orders}/{write_one(console)}"
    console.wait_caught_up(console.orders)
    console.sql(f"BEGIN; {locked}; PREPARE TRANSACTION 'it''s 1'")
    try:
        write_one(console)
        wait_until(lambda: console.data("why", partition)["who"] == "prepared transaction 'it''s 1'", lambda: console.data("why", partition))
        sentence = console.ok("why", partition)
    finally:
        console.sql("ROLLBACK PREPARED 'it''s 1'")
    assert re.search(r"waits for the prepared transaction 'it''s 1' \(user \S+, prepared at \S+Z\), which has what it needs locked; it "
                     r"resumes once COMMIT PREPARED 'it''s 1' or ROLLBACK PREPARED 'it''s 1' has ended it$", sentence), sentence
    console.wait_caught_up(console.orders)


@pytest.mark.alone
def test_why_says_that_a_commit_waits_for_a_synchronous_standby(console):
    partition = f"{console.orders}/{write_one(console)}"
    console.wait_caught_up(console.orders)
    console.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    console.sql("SELECT pg_reload_conf()")
    try:
        write_one(console)
        wait_until(lambda: "standby" in console.data("why", partition)["sentence"], lambda: console.data("why", partition))
        sentence = console.ok("why", partition)
        assert "waits for a synchronous standby to confirm its commit (synchronous_standby_names = 'nobody'); it resumes once one" in sentence
    finally:
        console.sql("ALTER SYSTEM RESET synchronous_standby_names")
        console.sql("SELECT pg_reload_conf()")
    console.wait_caught_up(console.orders)


@pytest.mark.case(38)
def test_one_record_is_shown_as_it_was_written_to_operators_only(console):
    end = console.kafka.ends(console.orders)
    console.kafka.publish(console.orders, [(b"\x00\xff", encode({"id": 7, "note": "\x1b]0;owned\x07"}))])
    partition, offset = next((p, last) for p, last in end.items() if console.kafka.ends(console.orders)[p] > last)
    place = (f"{console.orders}/{partition}", str(offset))
    shown = console.data("record", *place, key="k_oper")
    assert (shown["offset"], shown["key_bytes"], shown["tombstone"]) == (offset, 2, False), shown
    assert json.loads(shown["value"])["id"] == 7
    assert "\x1b" not in console.ok("record", *place, key="k_oper")
    console.refused(3, "needs role operator", "record", *place, key="k_view")
    console.refused(5, "the log holds the offsets", "record", place[0], str(offset + 1000), key="k_oper")
    told = lambda: [row[3] for row in console.audit("record") if row[4] == "done"]
    wait_until(lambda: told() == [" ".join(place)] * 2, told)
    console.wait_caught_up(console.orders)


@pytest.mark.alone
def test_trace_finds_what_wrote_a_row_what_waits_and_its_dead_letters(console):
    write = lambda **row: console.kafka.publish(console.orders, [(b"70000", encode({"id": 70000, **row}))])[0]
    (partition, first), (_, last) = write(status="new"), write(status="paid")
    console.kafka.publish(console.orders, [(b"70000", b"not JSON")], partition=partition)
    (_, refused) = write(status=None)  # of the same key, so of the same partition
    console.wait_caught_up(console.orders)
    place = f"{console.orders}/{partition}"
    console.ok("pause", place, "--reason", "look", key="k_oper")
    (_, waits) = write(status="late")
    found = console.data("trace", "public.orders", "70000", key="k_oper")
    letter, broken = (console.sql("SELECT id FROM sluice.dead_letter WHERE record_offset = %s AND partition = %s", at, partition)[0][0]
                      for at in (refused, refused - 1))
    assert [(one["partition"], one["offset"], one["effect"]) for one in found["records"]] == [
        (place, first, "followed by others"), (place, last, "the last that has taken effect"),
        (place, refused, f"dead letter {letter}, open"), (place, waits, "on its way")]
    assert [(one["id"], one["found_by"]) for one in found["dead_letters"]] == [(letter, "row"), (broken, "Kafka key")]
    assert all(one["whole_log"] for one in found["read"]), found["read"]
    few = console.ok("trace", "public.orders", "70000", "--records", "1", key="k_oper")
    assert "records before those that were read are not known" in few
    console.refused(2, "'x' is not a value of the key column id of public.orders", "trace", "public.orders", "x", key="k_oper")
    console.refused(2, r"the key of public.orders is \(id\)", "trace", "public.orders", "1", "2", key="k_oper")
    console.refused(3, "needs role operator", "trace", "public.orders", "70000", key="k_view")
    console.ok("resume", place, key="k_oper")
    console.wait_caught_up(console.orders)


@pytest.mark.case(30)
def test_tail_shows_records_as_they_come_and_only_those_that_its_filter_takes(console):
    tail = lambda *words: console.popen("tail", console.orders, "--json", *words, key="k_oper")
    everything, some = tail("--limit", "20"), tail("--limit", "2", "--filter", "\"status = 'gone' and id > 80003\"")
    count = itertools.count()
    answers = {}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = {one: pool.submit(one.communicate, timeout=120) for one in (everything, some)}
        def ended():  # a follower that has just begun does not see what was written before
            number = 80000 + next(count)
            console.publish([number], status="gone" if number % 2 else "here")
            return all(one.done() for one in waiting.values())
        wait_until(ended, "both tails have seen enough", 120)
        for process, answer in waiting.items():
            answers[process] = [record for line in answer.result()[0].decode().splitlines() for record in json.loads(line)["data"]["records"]]
            assert process.returncode == 0
    assert len(answers[everything]) == 20
    values = [json.loads(one["value"]) for one in answers[some]]
    assert len(values) == 2
    assert all(one["status"] == "gone" and one["id"] > 80003 for one in values), values
    console.refused(2, "--filter, column 9: the end stands", "tail", "--filter", "'status ='", key="k_oper")
    console.refused(3, "needs role operator", "tail", key="k_view")
    console.wait_caught_up(console.orders)


@pytest.mark.case(30, 32)
def test_a_tail_of_everything_is_whole_while_the_connections_keys_are_renewed(console):
    place = f"{console.orders}/1"
    tail = console.popen("tail", place, "--json", "--all", key="k_oper", options=["RekeyLimit=300K 1s", "LogLevel=DEBUG1"])
    offsets, said = [], []

    def follow():
        for line in tail.stdout:
            check_document(json.loads(line))
            data = json.loads(line)["data"]
            assert (data["not_shown"], data["troubles"]) == (0, [])
            offsets.extend(one["offset"] for one in data["records"])
    readers = [threading.Thread(target=work) for work in (follow, lambda: said.extend(tail.stderr))]
    for one in readers:
        one.start()

    def publish(first, count):
        text = "x" * 400
        return console.kafka.publish(console.orders, [(None, encode({"id": 90000 + n % 100, "status": "t", "note": text}))
                                                      for n in range(first, first + count)], partition=1)[-1][1]
    wait_until(lambda: publish(0, 1) is not None and offsets, "the tail has begun", 120)
    for first in range(0, 20000, 1000):
        end = publish(first, 1000)
        # The demo's broker keeps some megabytes of a log only.
        wait_until(lambda: offsets[-1] == end, lambda: f"the tail is at {offsets[-1]} of {end}", 120)
    assert offsets == list(range(offsets[0], end + 1)) and len(offsets) >= 20000
    assert tail.poll() is None
    tail.terminate()
    for one in readers:
        one.join(60)
    rekeys = sum(b"rekey" in line.lower() for line in said)
    print(f"{len(offsets)} records, {rekeys} lines about rekeying")
    assert rekeys >= 20, said[-5:]


def test_the_time_line_has_states_orders_and_notes(console):
    place = f"{console.orders}/2"
    console.ok("pause", place, "--reason", "look", key="k_oper")
    console.ok("note", "the disk is full, bob is on it", key="k_oper")
    console.ok("resume", place, key="k_oper")
    console.wait_state(console.orders, "ok", 2)
    wanted = [("order", "pause"), ("state", "ok -> paused"), ("note", None), ("order", "resume")]

    def line():
        return [(one["kind"], one["what"]) for one in console.data("incident", "--since", "1h", key="k_oper")["incident"]]
    wait_until(lambda: set(wanted) <= set(line()), line)
    assert "bob is on it" in console.ok("incident", key="k_oper")
    assert [one["lane"] for one in console.data("lanes")["lanes"]] == [1, 2]


@pytest.mark.case(29)
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
    unreadable = json.dumps({"key": "8", "value": {"id": 8, "status": "y", "span": "3 fortnights"}})
    console.sql("ALTER TABLE orders ADD COLUMN span interval")
    said = explain(text=unreadable)
    assert "would refuse: 22007" in said and "was not asked" not in said
    console.sql("ALTER TABLE orders DROP COLUMN span")
    assert console.sql("SELECT count(*) FROM orders WHERE id >= 90000 OR status = 'y'") == [(0,)]
    assert console.sql("SELECT attempts FROM sluice.dead_letter") == [(1,)]
    console.sql("ALTER TABLE orders DROP CONSTRAINT small")
    assert "would be applied" in console.ok("dead", "replay", str(letter), "--dry-run", key="k_oper")
    # Of a letter of another log than the pointer's, the dry run says what the replay says.
    console.sql("UPDATE sluice.dead_letter SET generation = generation - 1 WHERE id = %s", letter)
    other = r"cannot tell whether a later record wrote this key \(the topic is at generation \d+, the dead letter of -?\d+\)"
    assert re.search("would be left alone: " + other, console.ok("dead", "replay", str(letter), "--dry-run", key="k_oper"))
    assert re.search(other, console.run_ssh("dead", "replay", str(letter), key="k_oper").out)
    assert "would be applied" in console.ok("dead", "replay", str(letter), "--dry-run", "--force", key="k_oper")
    console.sql("UPDATE sluice.dead_letter SET generation = generation + 1 WHERE id = %s", letter)
    assert "accepts it" in console.ok("explain", f"{console.orders}/{partition}", str(offset), key="k_oper")
    assert console.sql("SELECT count(*) FROM orders WHERE id >= 90000") == [(0,)]


def peak(console):
    return console.live.status_of("VmHWM") / 1024


@pytest.mark.case(29)
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


@pytest.mark.case(7, 28)
def test_a_reload_says_what_is_in_force_and_what_needs_a_restart_and_who_gained_access(console):
    path = console.live.config
    with open(path) as file:
        old = file.read()
    with open(path, "w") as file:
        file.write(old.replace('level = "info"', 'level = "debug"').replace("[kafka]", '[batch]\nlinger = "7ms"\nbytes = "7MiB"\n[kafka]', 1))
    try:
        console.access.make_key("k_new")
        console.access.write_keys(console.access.line("k_new", "operator"))
        console.live.reload()
        wait_until(lambda: "reload: read" in console.live.log(), console.live.tail)
        told = console.live.log()
        assert re.search(r'log\.level: "info" -> "debug": in force', told)
        assert re.search(r'batch\.linger: "5ms" -> "7ms": in force', told)
        assert re.search(r'batch\.bytes: "8MiB" -> "7MiB": needs a restart', told)
        assert [one["value"] for one in console.data("config", "show", "batch")["settings"] if one["name"] in ("batch.bytes", "batch.linger")] == [
            '"8MiB"', '"7ms"']
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


def test_a_flush_writes_what_waits_for_a_full_batch_and_returns_once_it_is_applied(console):
    path = console.live.config
    with open(path) as file:
        old = file.read()

    def reload(text):
        with open(path, "w") as file:
            file.write(text)
        console.ok("config", "reload", key="k_adm")
    first, number = f"{console.orders}/0", itertools.count(90000, 100)
    reload(old.replace("[kafka]", '[batch]\nlinger = "10s"\nadaptive = false\n[kafka]', 1))
    try:
        console.ok("pause", first, "--reason", "flushed without it", key="k_oper")

        def flushed():  # in half of the time after which the lanes would write by themselves; at least one attempt is quick
            begin = next(number)
            console.publish(range(begin, begin + 100))
            answer = console.run_ssh("flush", "--timeout", "5s", "--json", key="k_oper")
            pointers, ends = console.pointers(), console.kafka.ends(console.orders)
            if answer.code == 6 or not json.loads(answer.out)["data"]["lanes"]:
                return False
            assert answer.code == 0, answer
            told = json.loads(answer.out)["data"]
            assert [one["partition"] for one in told["left_out"]] == [first], told
            assert pointers[(console.orders, 0)] < ends[0]
            return all(pointers[(console.orders, p)] == ends[p] for p in (1, 2, 3)) and told["lanes"][0]["records"] > 0
        wait_until(flushed, console.pointers, 60)
    finally:
        reload(old)
    console.ok("resume", "all", key="k_oper")
    console.wait_caught_up(console.orders)
    assert any(re.match(r"done: \d+ records of \d lanes?$", row[4]) for row in console.audit("flush")), console.audit("flush")


def test_reconnect_postgres_gives_each_lane_a_new_session_and_the_counts_go_on(console):
    sessions = lambda: {one["lane"]: one["session"] for one in console.data("lanes", key="k_oper")["lanes"]}
    epochs = lambda: console.sql("SELECT topic, partition, epoch FROM sluice.pointer ORDER BY 1, 2")
    claimed, old, rows = epochs(), sessions(), console.sql("SELECT count(*) FROM orders")[0][0]
    console.publish(range(95000, 97000))
    told = {one["lane"]: (one["session_before"], one["session"]) for one in console.data("reconnect", "postgres", key="k_oper")["lanes"]}
    assert {lane: before for lane, (before, _) in told.items()} == old
    assert not set(old.values()) & {now for _, now in told.values()}, told
    alive = {row[0] for row in console.sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")}
    assert {now for _, now in told.values()} <= alive
    wait_until(lambda: not set(old.values()) & {row[0] for row in console.sql("SELECT pid FROM pg_stat_activity")}, "the old sessions end")
    console.wait_caught_up(console.orders)
    assert console.sql("SELECT count(*) FROM orders")[0][0] == rows + 2000
    assert epochs() == claimed  # nothing was claimed anew
    assert all(consumed == sum(outcomes) for consumed, *outcomes in console.sql(
        "SELECT next_offset - start_offset, applied, folded, skipped, dead, gaps FROM sluice.pointer"))


def test_a_reconnection_to_kafka_under_load_loses_nothing_and_applies_nothing_twice(console):
    first, last, ordered = 200000, 224000, threading.Event()
    console.sql("CREATE TABLE written (id bigint); CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN INSERT INTO public.written VALUES (new.id); RETURN NULL; END';"
                " CREATE TRIGGER note_write AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note_write()")
    console.cleanup.callback(console.sql, "DROP FUNCTION note_write CASCADE; DROP TABLE written")
    epochs = lambda: dict(console.sql("SELECT partition, epoch FROM sluice.pointer WHERE topic = %s", console.orders))
    old = epochs()

    def load():  # until the order is carried out, and some more
        for begin in range(first, last, 500):
            console.publish(range(begin, begin + 500))
            if not ordered.is_set():
                ordered.wait(0.1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        loading = pool.submit(load)
        wait_until(lambda: console.sql("SELECT 1 FROM written LIMIT 1"), "records are on their way")
        told = console.data("reconnect", "kafka", key="k_oper")["consumer"]
        ordered.set()
        loading.result(120)
    assert (told["partitions_before"], told["partitions"], told["reconnects"]) == (4, 4, 1)
    console.wait_caught_up(console.orders)
    assert console.sql("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM written") == [(last - first, last - first, first, last - 1)]
    assert console.sql("SELECT count(*) FROM orders WHERE id BETWEEN %s AND %s", first, last - 1) == [(last - first,)]
    now = epochs()
    assert all(now[partition] > old[partition] for partition in old), (old, now)
    assert all(consumed == sum(outcomes) for consumed, *outcomes in console.sql(
        "SELECT next_offset - start_offset, applied, folded, skipped, dead, gaps FROM sluice.pointer"))
    assert [row[4] for row in console.audit("reconnect kafka")] == ["done: 4 partitions"]


@pytest.mark.case(13)
def test_check_says_that_kafka_is_away_and_every_command_ends_by_itself(console):
    console.live.expected.append("[Kk]afka")
    place = f"{console.orders}/0"
    commands = [(0, "status"), (0, "partitions"), (0, "pointers"), (0, "count"), (0, f"pause {place} --reason away"), (0, f"why {place}"),
                (6, "wait lag<0 --timeout 1s"), (1, f"record {place} 0"), (0, "errors")]
    os.kill(console.kafka.process.pid, signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(len(commands)) as pool:
            answers = list(pool.map(lambda one: console.run_ssh(*one[1].split(), key="k_oper"), commands))
        for (code, words), answer in zip(commands, answers):
            assert answer.code == code, (words, answer)
        print("; ".join(f"{words.split()[0]} {answer.took:.1f} s" for (_, words), answer in zip(commands, answers)))
        check = wait_until(lambda: [one for one in [console.run_ssh("check")] if one.code == 11], lambda: console.run_ssh("check"))[0]
        assert console.live.get("/readyz")[0] == 200, "what is claimed stays claimed"
        assert console.live.metrics()["sluice_kafka_away_seconds"] > 0
        assert "Kafka has not answered for" in check.out and check.out.count("\n") == 1, check
    finally:
        os.kill(console.kafka.process.pid, signal.SIGCONT)
    console.ok("resume", "all", key="k_oper")
    # Other tests of the module may have left letters, which are worth a warning.
    wait_until(lambda: "Kafka" not in console.run_ssh("check").out, lambda: console.run_ssh("check"))
