"""Pauses that outlive a restart, and dead letters that are applied again."""
import json
import re

import pytest

from support.pipeline import encode
from support.waiting import wait_until


def count_rows(console):
    return console.sql("SELECT count(*) FROM orders")[0][0]


@pytest.mark.case(23)
@pytest.mark.alone
@pytest.mark.state("paused")
def test_a_pause_stops_its_partition_only_outlives_a_restart_and_is_told_who_logs_in(console):
    third = f"{console.orders}/3"
    console.ok("pause", third, "--reason", "vacuum", key="k_oper")
    assert "nothing to do" in console.ok("pause", third, "--reason", "again", key="k_oper")
    assert console.state(console.orders, 3)[:1] == ("paused",)
    assert "paused" in console.ok("status")
    before = console.pointers()[(console.orders, 3)]
    console.publish(range(10_000, 11_000))
    console.restart()
    ends = console.kafka.ends(console.orders)
    wait_until(lambda: all(console.pointers()[(console.orders, p)] == ends[p] for p in range(3)), console.pointers, 60)
    assert console.pointers()[(console.orders, 3)] == before < ends[3]
    screen = console.screen(key="k_view")
    for word in (third, "oper", "vacuum"):
        assert word in screen.text()
    screen.keys("C-d").wait_ended()
    out = console.ok("resume", third, key="k_oper")
    assert third in out
    console.wait_caught_up(console.orders)
    assert console.records + 1000 == count_rows(console)
    words = [(row[0], row[3]) for row in console.audit("pause%") + console.audit("resume%")]
    assert ("oper", third) in words


@pytest.mark.case(23)
def test_a_pause_with_an_expiry_ends_by_itself(console):
    first = f"{console.orders}/1"
    console.ok("pause", first, "--reason", "short", "--for", "3s", key="k_oper")
    wait_until(lambda: not console.sql("SELECT 1 FROM sluice.pause WHERE expires_at IS NULL OR expires_at > now()")
               and console.state(console.orders, 1)[0] == "ok", lambda: console.state(console.orders, 1))
    console.publish(range(20_000, 20_100))
    console.wait_caught_up(console.orders)
    assert [one for one in console.data("status")["pauses"] if one["target"] == first] == []


@pytest.mark.case(24)
def test_a_pause_of_a_table_stops_every_partition_that_feeds_it(console):
    console.ok("pause", "table", "public.orders", "--reason", "index", key="k_oper")
    for partition in range(4):
        console.wait_state(console.orders, "paused", partition)
    out = console.ok("resume", "table", "public.orders", key="k_oper")
    assert "public.orders" in out
    for partition in range(4):
        console.wait_state(console.orders, "ok", partition)


def poison(console, first, count):
    """Records that the table refuses: status is NOT NULL."""
    console.kafka.publish(console.orders, [(b"%d" % n, encode({"id": n, "status": None, "note": "mended"}))
                                           for n in range(first, first + count)])
    console.wait_caught_up(console.orders)
    assert console.sql("SELECT count(*) FROM sluice.dead_letter WHERE resolved_at IS NULL") == [(count,)]


@pytest.mark.case(29)
@pytest.mark.alone
def test_dead_letters_are_listed_shown_and_applied_again_once_they_can_be(console):
    poison(console, 30_000, 40)
    listed = console.data("dead", "list", "--table", "public.orders")
    letters = listed["dead_letters"]
    assert len(letters) == 40
    one = str(letters[0]["id"])
    assert "status" in console.ok("dead", "show", one, key="k_oper")
    rows = count_rows(console)
    dry = console.run_ssh("dead", "replay", one, "--dry-run", key="k_oper")
    assert (dry.code, "PostgreSQL would refuse: 23502" in dry.out) == (0, True), dry
    assert rows == count_rows(console)
    still = console.run_ssh("dead", "replay", one, key="k_oper")
    assert (still.code, "refused again: 23502" in still.out) == (1, True), still
    # The table is fixed: NULL becomes allowed, but for three.
    console.sql("ALTER TABLE orders ALTER status DROP NOT NULL")
    console.sql("ALTER TABLE orders ADD CONSTRAINT three CHECK (id NOT BETWEEN 30000 AND 30002)")
    done = console.run_ssh("dead", "replay", "--table", "public.orders", key="k_oper")
    assert done.code == 9, done
    assert rows + 37 == count_rows(console)
    applied = console.sql("SELECT count(*) FROM sluice.dead_letter WHERE resolution LIKE '%%oper%%' AND resolved_at IS NOT NULL"
                          " AND id = ANY(%s)", [each["id"] for each in letters])
    assert applied == [(37,)]
    failed = console.sql("SELECT attempts, sqlstate FROM sluice.dead_letter WHERE resolved_at IS NULL")
    assert len(failed) == 3
    assert all(attempts > 1 and sqlstate == "23514" for attempts, sqlstate in failed), failed
    console.refused(2, "reason", "dead", "discard", "--table", "public.orders", key="k_adm")
    console.refused(3, "admin", "dead", "discard", "--table", "public.orders", "--reason", "test", "--yes", key="k_oper")
    asked = console.run_ssh("dead", "discard", "--table", "public.orders", "--reason", "test", key="k_adm")
    assert (asked.code, "needs 'apply p-" in asked.err, "3 dead letters would be marked" in asked.out) == (7, True, True), asked
    console.ok("dead", "discard", "--table", "public.orders", "--reason", "test", "--yes", key="k_adm")
    assert console.sql("SELECT count(*) FROM sluice.dead_letter WHERE resolved_at IS NULL") == [(0,)]
    who = {row[0] for row in console.audit("dead%")}
    assert {"oper", "adm"} <= who
    assert "dead" in json.dumps(console.data("audit", key="k_adm"))


# Without the mark of the time line, which counts new letters in its own time.
def all_that_a_rehearsal_must_leave(console):
    return [console.sql(query) for query in (
        "SELECT attname, atttypid, atttypmod, attnotnull FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 ORDER BY attnum",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'orders'::regclass ORDER BY conname",
        "SELECT md5(string_agg(o::text, ',' ORDER BY id)) FROM orders o",
        "SELECT to_jsonb(letter) - 'told' FROM sluice.dead_letter letter ORDER BY id",
        "SELECT topic, partition, next_offset, epoch, applied, folded, skipped, dead FROM sluice.pointer ORDER BY topic, partition")]


@pytest.mark.case(29)
@pytest.mark.alone
def test_the_ddl_that_dead_group_proposes_frees_the_letters_as_rehearsed_and_viewers_see_no_name_that_may_be_data(console):
    # PostgreSQL ends an autovacuum in the way after a second, of which a rehearsal waits half.
    console.sql("ALTER TABLE orders SET (autovacuum_enabled = off), ADD qty integer, ADD code varchar(3), ADD tag char(2), "
                "ADD CONSTRAINT odd CHECK (id <> 45101)")
    try:
        rows = ({"qty": 3_000_000_000}, {"code": "abcd"}, {"tag": "abc"}, {"colour": "red", "weight": 7},
                {"colour": "blue", "weight": 1.5}, {"status": None}, {"4711 0815": "x"})
        # Of the numbers one is written over by another letter, one by a later record, and one is refused again.
        others = ({"id": 45_000, "qty": 4_000_000_000}, {"id": 45_100, "qty": 3_000_000_000}, {"id": 45_101, "qty": 3_000_000_000})
        letters = [{"id": n} | row for n, row in enumerate(rows, 45_000)] + list(others)
        console.kafka.publish(console.orders, [(b"%d" % row["id"], encode({"status": "new"} | row))
                                               for row in letters + [{"id": 45_100}]])
        console.wait_caught_up(console.orders)
        groups = console.data("dead", "group", key="k_oper")["groups"]
        assert sum(group["count"] for group in groups) == len(letters), groups
        seen = {group["example"]: group["ddl"] for group in console.data("dead", "group", key="k_view")["groups"]}
        hidden = [group["ddl"] for group in groups if seen[group["example"]] is None]
        assert hidden == ['ALTER TABLE "public"."orders" ADD COLUMN IF NOT EXISTS "4711 0815" text'], groups
        proposed = "\n".join(group["ddl"] for group in groups)
        for part in ('"qty" TYPE bigint', '"code" TYPE text', '"tag" TYPE text', '"colour" text', '"weight" numeric',
                     '"status" DROP NOT NULL'):
            assert part in proposed, proposed
        console.refused(3, "operator", "dead", "group", "--rehearse", key="k_view")
        before = all_that_a_rehearsal_must_leave(console)
        rehearsed = console.data("dead", "group", "--rehearse", key="k_oper")["groups"]
        assert all_that_a_rehearsal_must_leave(console) == before
        assert [group["ddl"] for group in rehearsed] == [group["ddl"] for group in groups]
        total = {name: sum(group[name] for group in rehearsed)
                 for name in ("applied", "folded", "superseded", "refused", "not_tried")}
        assert total == {"applied": len(rows) - 1 + 1, "folded": 1, "superseded": 1, "refused": 1, "not_tried": 0}, rehearsed
        assert all(group["tried"] for group in rehearsed), rehearsed
        assert [one for group in rehearsed for one in group["refusals"]] == [
            '1 by 23514 new row for relation "orders" violates check constraint "odd"']
        for group in groups:
            console.sql(group["ddl"])
        done = console.run_ssh("dead", "replay", "--table", "public.orders", key="k_oper")
        assert f"{total['applied'] + total['folded']} of {len(letters)} applied" in done.out, done
        assert (done.code, done.out.count("refused again: 23514"), done.out.count("wrote this key later")) == (9, 1, 1), done
        wait_until(lambda: console.audit("dead group"), lambda: console.audit("%"))
    finally:
        console.sql('ALTER TABLE orders RESET (autovacuum_enabled), DROP qty, DROP code, DROP tag, DROP COLUMN IF EXISTS colour,'
                    ' DROP COLUMN IF EXISTS weight, DROP COLUMN IF EXISTS "4711 0815", DROP CONSTRAINT odd')


@pytest.mark.case(29)
@pytest.mark.alone
def test_a_letter_whose_key_was_written_later_is_left_alone_unless_forced(console):
    poison(console, 40_000, 1)
    console.publish([40_000], status="newer")
    console.wait_caught_up(console.orders)
    console.sql("ALTER TABLE orders ALTER status DROP NOT NULL")
    (letter,), = console.sql("SELECT id FROM sluice.dead_letter WHERE resolved_at IS NULL")
    answer = console.run_ssh("dead", "replay", str(letter), key="k_oper")
    assert (answer.code, "wrote this key later; --force applies it anyway" in answer.out) == (1, True), answer
    assert console.sql("SELECT status FROM orders WHERE id = 40000") == [("newer",)]
    stale, plan = (re.search("'apply (p-....)'", console.run_ssh("dead", "replay", str(letter), "--force", key="k_oper").err)[1]
                   for _ in range(2))
    console.publish([40_000], status="newest")
    console.wait_caught_up(console.orders)
    console.refused(8, "pointer was", "apply", stale, key="k_oper")
    console.refused(8, "pointer was", "apply", plan, key="k_oper")
    assert console.sql("SELECT status FROM orders WHERE id = 40000") == [("newest",)]
    plan = re.search("'apply (p-....)'", console.run_ssh("dead", "replay", str(letter), "--force", key="k_oper").err)[1]
    console.ok("apply", plan, key="k_oper")
    assert console.sql("SELECT status FROM orders WHERE id = 40000") == [(None,)]
