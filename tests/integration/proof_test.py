"""What has taken effect, how others learn of it, and the proof that nothing is missing: applied(), `wait`, `publish --wait`, `verify`."""
import contextlib
import json
import re
import subprocess

import psycopg2
import pytest

from fault.proxy import Proxy
from support.pipeline import encode, route
from support.sluice import Sluice, environment, run
from support.waiting import wait_until


@pytest.fixture
def orders(broker, database):
    database.sql("CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL)")
    return broker.create_topic(f"{database.name}.orders")


def publish(broker, topic, *ids, status="new", partition=0):
    return broker.publish(topic, [(b"%d" % n, encode({"id": n, "status": status})) for n in ids], partition)


@contextlib.contextmanager
def waiting(service, *words):
    """`sluice wait`, which still waits."""
    line = [Sluice.binary, "wait", "--config", service.config, "--timeout", "60s", *words]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_wait_begins_before_the_first_start_and_outlives_an_absence_of_postgresql(broker, database, orders, services):
    publish(broker, orders, 1, 2)
    with contextlib.closing(Proxy(database.postgres.port)) as proxy:
        service = services(route(orders, "public.orders"))
        elsewhere = services(route(orders, "public.orders"), url=proxy.url(database.url))
        with waiting(service, "--topic", orders, "--at", "0:1") as before:
            service.start()
            assert before.wait(60) == 0, before.stderr.read()
        assert database.sql("SELECT count(*) FROM orders") == [(2,)]
        proxy.refuse(2)
        proxy.cut_all()
        with waiting(elsewhere, "--topic", orders, "--at", "0:2", "--at", "1:0") as away:
            publish(broker, orders, 3)
            publish(broker, orders, 4, partition=1)
            assert away.wait(60) == 0, away.stderr.read()
        assert proxy.counts["refused"] > 0
    late = run("wait", "--config", service.config, "--topic", orders, "--at", "0:2", "1:7", "--timeout", "300ms")
    assert (late.returncode, late.stdout) == (6, ""), late
    assert late.stderr == f"sluice wait: not in effect after 300ms: {orders}/1 offset 7 (the next offset is 1)\n"
    assert service.stop() == 0


def test_publish_returns_when_its_records_have_taken_effect_and_with_6_when_they_have_not(broker, database, orders, services):
    service = services(route(orders, "public.orders")).start()
    line = ["publish", "--brokers", broker.bootstrap, "--topic", orders, "--key", "id", "--wait", "--config", service.config]
    rows = "".join(f'{{"id":{n},"status":{"null" if n == 7 else "1"}}}\n' for n in range(500))
    done = run(*line, text=rows)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "published 500 events"), done
    assert database.sql("SELECT count(*) FROM orders") == [(499,)] and len(database.dead_letters()) == 1
    assert service.stop() == 0
    late = run(*line, "--timeout", "300ms", text=rows)
    assert late.returncode == 6
    assert late.stderr.splitlines()[-1].startswith(f"sluice publish: not in effect after 300ms: {orders}/0 offset "), late


def test_an_application_that_may_use_the_schema_and_no_more_reads_its_writes(broker, database, orders, services):
    publish(broker, orders, 1, 2)
    publish(broker, orders, 3, status=None)  # a dead letter has taken effect, too
    service = services(route(orders, "public.orders")).start()
    reader = f"reader_{database.name}"
    database.sql(f"CREATE ROLE {reader} LOGIN; GRANT USAGE ON SCHEMA sluice TO {reader}")
    url = f"postgresql://{reader}@127.0.0.1:{database.postgres.port}/{database.name}"
    try:
        with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True

            def ask(*arguments):
                cursor.execute(f"SELECT sluice.applied({', '.join(['%s'] * len(arguments))})", arguments)
                return cursor.fetchone()[0]

            wait_until(lambda: ask(orders, 0, 2), service.tail)
            assert database.sql("SELECT count(*) FROM orders") == [(2,)] and len(database.dead_letters()) == 1
            assert [ask(orders, 0, 3), ask(orders, 1, 0), ask("no.such.topic", 0, 0)] == [False, False, False]
            assert [ask(database.name, orders, 0, 2), ask("another", orders, 0, 2)] == [True, False]
            cursor.execute("SELECT sluice.applied(partition => 0, record_offset => 2, topic => %s)", [orders])
            assert cursor.fetchone() == (True,)
            database.sql("INSERT INTO sluice.pointer (pipeline, topic, partition, start_offset, next_offset) "
                         "VALUES ('another', %s, 7, 0, 0)", orders)
            with pytest.raises(psycopg2.Error, match=rf"several pipelines read the topic {orders}: another, {database.name}"):
                ask(orders, 0, 2)
            assert ask(database.name, orders, 0, 2)
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("SELECT * FROM sluice.pointer")
    finally:
        database.sql(f"DROP OWNED BY {reader}; DROP ROLE {reader}")
    assert service.stop() == 0


def verify(service, *words):
    return run("verify", "--config", service.config, *words)


def proofs(database):
    """Result and verified_through of each partition's last proof."""
    rows = database.sql("SELECT DISTINCT ON (partition) partition, result, verified_through FROM sluice.verification "
                        "ORDER BY partition, id DESC")
    return {partition: (result, through) for partition, result, through in rows}


DAMAGE = {
    "UPDATE sluice.pointer SET applied = applied - 1 WHERE partition = 0": "/0: the accounting does not hold: ",
    "UPDATE sluice.pointer SET next_offset = next_offset + 50, gaps = gaps + 50 WHERE partition = 0": "/0: the log ends at ",
    "UPDATE sluice.pointer SET state = 'poison', state_reason = 'no' WHERE partition = 0": "/0: state poison: no",
    "DELETE FROM sluice.pointer WHERE partition = 0": "/0: Kafka has this partition, and the pipeline no pointer for it",
    "INSERT INTO sluice.pointer SELECT pipeline, topic, 9, 0, 0 FROM sluice.pointer WHERE partition = 0":
        "/9: Kafka has no such partition",
    "DELETE FROM sluice.dead_letter": "/[0-3]: 1 dead letters are accounted for, 0 are stored",
}


def test_a_proof_holds_on_what_was_applied_and_names_each_kind_of_damage(broker, database, orders, services, tmp_path):
    service = services(route(orders, "public.orders"))
    before = verify(service)
    assert (before.returncode, before.stderr) == (1, "error: the pipeline has never been started here\n"), before
    service.start()
    receipt = tmp_path / "receipt"
    line = ["publish", "--brokers", broker.bootstrap, "--topic", orders, "--key", "id", "--receipt", str(receipt)]
    rows = "".join(f'{{"id":{n},"status":{"null" if n == 7 else "1"}}}\n' for n in range(200))
    done = run(*line, "--wait", "--config", service.config, text=rows)
    assert done.returncode == 0, done
    good = verify(service, "--receipt", str(receipt))
    assert (good.returncode, good.stderr) == (0, ""), good
    assert "proved: 4 of 4 partitions, 200 offsets; 0 not applied yet\n" in good.stdout
    assert good.stdout.endswith("receipt: 199 applied, 1 dead, 0 not yet, 0 unknown\n")
    assert len(re.findall(rf'^{re.escape(orders)}/\d \d+ "\d+" applied$', good.stdout, re.M)) == 199
    assert re.search(r'/\d \d+ "7" dead \(letter 1\)$', good.stdout, re.M), good.stdout
    nexts = {partition: end for (_, partition), end in database.pointers().items()}
    assert proofs(database) == {partition: ("ok", end) for partition, end in nexts.items()}
    assert service.stop() == 0
    publish(broker, orders, 1000)
    late = run(*line, text='{"id":7,"status":"1"}\n')
    assert late.returncode == 0, late
    lagging = verify(service, "--receipt", str(receipt))
    assert lagging.returncode == 1 and lagging.stderr == "", lagging
    assert "200 offsets; 2 not applied yet\n" in lagging.stdout
    assert lagging.stdout.endswith("receipt: 0 applied, 0 dead, 1 not yet, 0 unknown\n")
    assert verify(service).returncode == 0, "what is not applied yet is no contradiction"
    other = tmp_path / "other"
    other.write_text("4711\n\n", encoding="utf-8")
    strange = verify(service, "--receipt", str(other))
    assert strange.returncode == 1 and f"\n{other}:1: not a JSON object\nreceipt: 0 applied, 0 dead, 0 not yet, 1 unknown\n" in strange.stdout
    other.write_text("\n \n", encoding="utf-8")
    blank = verify(service, "--receipt", str(other))
    assert blank.returncode == 1 and blank.stderr == f"error: {other} has no record\n", blank
    for damage, told in DAMAGE.items():
        database.sql("CREATE TABLE kept AS TABLE sluice.pointer; CREATE TABLE kept_letter AS TABLE sluice.dead_letter")
        database.sql(damage)
        bad = verify(service)
        assert bad.returncode == 1 and bad.stderr.count("error: ") == 1, (damage, bad)
        assert re.search(f"(?m)^error: {re.escape(orders)}{told}", bad.stderr), (damage, bad)
        database.sql("TRUNCATE sluice.pointer, sluice.dead_letter; INSERT INTO sluice.pointer TABLE kept; "
                     "INSERT INTO sluice.dead_letter OVERRIDING SYSTEM VALUE TABLE kept_letter; DROP TABLE kept, kept_letter")
        if "partition = 0" in damage and "INSERT" not in damage:
            assert proofs(database)[0] == ("failed", nexts[0]), damage
    detail = database.sql("SELECT detail FROM sluice.verification WHERE result = 'failed' ORDER BY id LIMIT 1")[0][0]
    assert detail["next_offset"] == nexts[0] and "accounting" in json.dumps(detail["problems"])
    assert verify(service).returncode == 0
    database.sql("UPDATE sluice.pointer SET generation = generation + 1, applied = applied - 1 WHERE partition = 0")
    assert verify(service).returncode == 1
    assert proofs(database)[0] == ("failed", None), "of another log nothing is proved yet"


def test_a_deep_proof_names_the_row_that_was_changed_the_one_that_was_deleted_and_the_one_that_was_added(broker, database, services):
    """Beside the service: updates, deletes, partial rows, columns that nobody sends, letters, one replayed, a table without a key."""
    database.sql('CREATE TABLE item (id bigint, "Part" text, n int NOT NULL, price numeric(9,2), tags text[], at timestamptz '
                 'DEFAULT now(), number serial, PRIMARY KEY (id, "Part")); CREATE TABLE log (what text NOT NULL, n int)')
    item, log = broker.create_topic(f"{database.name}.item"), broker.create_topic(f"{database.name}.log")
    events = []
    for n in range(3000):
        key = {"id": n % 400, "Part": "a'b" if n % 2 else 'c,"d'}
        row = {**key, "n": n, **({"price": f"{n}.5", "tags": ["x", None, str(n)]} if n % 3 else {})}
        events.append((encode(key), None if n % 7 == 0 else encode({**row, "n": None} if n % 500 == 1 else row)))
    for partition in range(4):  # each key in one of them
        broker.publish(item, [(key, value) for key, value in events if json.loads(key)["id"] % 4 == partition], partition)
    broker.publish(log, [(None, encode({"what": "same" if n % 3 else f"x{n}", "n": n % 5})) for n in range(500)], 0)
    service = services(route(item, "public.item", ["id", "Part"]) + route(log, "public.log", [], mode="insert")).start()
    done = run("wait", "--config", service.config, "--topic", log, "--at", "0:499", "--timeout", "60s")
    assert done.returncode == 0, done
    wait_until(lambda: sum(database.pointers().values()) == 3500, service.tail)
    assert database.dead_letters()
    good = verify(service, "--deep")
    assert (good.returncode, good.stderr) == (0, ""), good
    assert "read again: 3 500 records\n" in good.stdout
    assert re.search(r"(?m)^table public.item: \d+ rows expected; 0 missing, 0 changed, 0 extra; not compared: at, number$", good.stdout)
    assert re.search(r"(?m)^table public.log: 500 rows expected; 0 missing, 0 changed, 0 extra$", good.stdout), good.stdout
    assert database.sql("SELECT count(*) FROM sluice.verification WHERE detail ->> 'rows_compared' = 'true'") == [(8,)]

    changed, deleted = database.sql('SELECT id, "Part" FROM item WHERE price IS NOT NULL ORDER BY id DESC LIMIT 2')
    database.sql('UPDATE item SET price = price + 0.01, tags = NULL WHERE (id, "Part") = (%s, %s)', *changed)
    database.sql('DELETE FROM item WHERE (id, "Part") = (%s, %s)', *deleted)
    database.sql("INSERT INTO item (id, \"Part\", n) VALUES (77777, 'by hand', 1)")
    database.sql("DELETE FROM log WHERE ctid = (SELECT min(ctid) FROM log WHERE what = 'same')")
    bad = verify(service, "--deep")
    assert bad.returncode == 1, bad
    told = [line.removeprefix("error: table public.") for line in bad.stderr.splitlines()]
    assert told[:3] == [f"item: (id, Part) = ({deleted[0]}, {deleted[1]}): the row is missing",
                        "item: (id, Part) = (77777, by hand): no record of the log makes this row",
                        f"item: (id, Part) = ({changed[0]}, {changed[1]}): the row differs in price, tags"], bad
    assert re.fullmatch(r"log: \(what, n\) = \(same, \d\): the row is missing", told[3]) and len(told) == 4, bad
    assert "rows expected; 1 missing, 1 changed, 1 extra" in bad.stdout and "500 rows expected; 1 missing, 0 changed, 0 extra" in bad.stdout
    assert {result for result, _ in proofs(database).values()} == {"failed"}
    assert verify(service).returncode == 0, "the books know nothing of it"
    assert service.stop() == 0


def test_a_deep_proof_says_what_it_cannot_know(broker, database, services):
    """Rows from before the place where the reading begins are no error; those that others make cannot be compared."""
    database.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text); CREATE TABLE made (LIKE item INCLUDING ALL); "
                 "INSERT INTO item VALUES (1, 'x'), (2, 'older'); INSERT INTO made VALUES (1, 'x')")
    item, made = broker.create_topic(f"{database.name}.item"), broker.create_topic(f"{database.name}.made")
    rows = [(b"1", encode({"id": 1, "name": "y"}))]
    broker.publish(item, rows, 0)
    service = services(route(item, "public.item") + route(made, "public.made", mode="update", delete="ignore"),
                       kafka='start = "latest"').start()
    broker.publish(item, [(b"3", encode({"id": 3, "name": "z"}))], 0)
    wait_until(lambda: database.sql("SELECT count(*) FROM item") == [(3,)], service.tail)
    late = verify(service, "--deep")
    assert (late.returncode, late.stderr) == (0, ""), late
    assert f"{item}/0 is read from 1 on, where the pointer started\n" in late.stdout
    assert "table public.item: 2 rows that what was read says nothing about\n" in late.stdout
    broker.publish(made, rows, 0)
    wait_until(lambda: database.sql("SELECT name FROM made") == [("y",)], service.tail)
    elsewhere = verify(service, "--deep")
    assert elsewhere.returncode == 1
    assert elsewhere.stderr == ("error: table public.made is not compared: a route with mode update writes it, so others make its "
                                "rows\n")
    assert service.stop() == 0


def test_a_deep_proof_compares_keys_that_only_postgresql_calls_equal(broker, database, services):
    database.sql("CREATE EXTENSION citext; CREATE TABLE person (name citext PRIMARY KEY, age int)")
    topic = broker.create_topic(f"{database.name}.person")
    broker.publish(topic, [(name.encode(), encode({"name": name, "age": age})) for age, name in enumerate(["Ann", "bob", "ANN", "ann"])], 0)
    service = services(route(topic, "public.person", "name"))
    service.start()
    wait_until(lambda: database.pointers().get((topic, 0)) == 4, service.tail)
    done = run("verify", "--config", service.config, "--deep")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "read again: 4 records" in done.stdout and "2 rows expected; 0 missing, 0 changed, 0 extra" in done.stdout
    assert service.stop() == 0


def test_a_deep_proof_takes_any_order_of_topics_that_feed_one_table_and_finds_what_none_makes(broker, database, services):
    """Live and backfill topics: versions, equal ones, parts of rows, deletes, children, a table without versions."""
    database.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text, note text, v bigint, gone boolean, topic text);"
                 "CREATE TABLE hard (id bigint PRIMARY KEY, name text, note text, v text);"
                 "CREATE TABLE line (hard bigint REFERENCES hard, n int, sku text, PRIMARY KEY (hard, n));"
                 "CREATE TABLE plain (id bigint PRIMARY KEY, name text)")
    topics = {name: broker.create_topic(f"{database.name}.{name}") for name in
              ("soft_a", "soft_b", "hard_a", "hard_b", "plain_a", "plain_b")}  # read in this order, applied in the other

    def row(number, **columns):
        return b'{"id":%d}' % number, encode({"id": number, **columns})

    def dead(number, **before):
        return b'{"id":%d}' % number, encode({"op": "d", "before": {"id": number, **before}, "after": None})

    def both(kind, table, more="", **settings):
        return route(topics[f"{kind}_a"], table, **settings).replace('_a"]', f'_a", "{topics[kind + "_b"]}"]') + more

    child = ('[[route.child]]\npath = "lines"\ntable = "public.line"\nkey = ["hard", "n"]\n'
             'columns = { hard = "$.id", n = "@index" }\n')
    service = services(
        both("soft", "public.item", version="v", delete="soft:gone", columns={"add": {"topic": "@topic"}})
        + both("hard", "public.hard", child, version="v") + both("plain", "public.plain")).start()

    ends = dict.fromkeys(topics, 0)

    def publish_all(batches):
        for name, records in batches:
            broker.publish(topics[name], records, 0)
            ends[name] += len(records)
            wait_until(lambda: database.pointers().get((topics[name], 0)) == ends[name], service.tail)

    publish_all([
        ("soft_b", [row(1, name="new", v=30), row(2, name="live", v=20), dead(3, v=30), row(4, name="b", v=7), row(6, name="x", v=1)]),
        ("soft_a", [row(1, name="old", note="kept", v=10), row(2, name="same", v=20), row(3, name="late", note="n", v=20),
                    row(4, name="a", note="a", v=5), row(5, name="only", v=1), row(6, name="y", note="y", v=2)]),
        ("soft_b", [row(4, name="b2", v=9), row(6, name="z", v=3)]),
        ("hard_b", [row(1, name="b", v="b", lines=[{"sku": "1"}]), dead(2, v="c"), row(3, name="b", v="b", lines=[{"sku": "x"}, {"sku": "y"}]),
                    row(4, name="b", v="b"), row(5, name="b", v="z"), (b'{"id":5}', None), row(7, name="b", v="c")]),
        ("hard_a", [row(1, name="a", v="a", lines=[{"sku": "2"}, {"sku": "3"}]), row(2, name="again", v="a"),
                    row(3, name="a", v="c", lines=[{"sku": "z"}]), dead(4, v="c"), row(5, name="a", v="a"), row(6, name="a", v="a"),
                    row(7, name="a", v="a")]),
        ("hard_b", [dead(6, v="b")]),
        ("plain_b", [row(1, name="first"), row(2, name="first")]),
        ("plain_a", [row(1, name="second"), (b'{"id":2}', None), row(3, name="a")])])
    good = verify(service, "--deep")
    assert (good.returncode, good.stderr) == (0, ""), good
    assert len(re.findall(r"(?m)^table public\.\w+: \d rows? expected; 0 missing, 0 changed, 0 extra", good.stdout)) == 4, good.stdout
    wrong = [
        {"UPDATE item SET note = 'other' WHERE id = 1": "item: (id) = (1): the row differs in note",
         "UPDATE item SET topic = 'x' WHERE id = 2": "item: (id) = (2): the row differs in topic",
         "DELETE FROM item WHERE id = 5": "item: (id) = (5): the row is missing",
         "DELETE FROM line WHERE hard = 3 AND n = 1": "line: (hard, n) = (3, 1): the row is missing",
         "INSERT INTO line VALUES (1, 9, 'x')": "line: (hard, n) = (1, 9): no record of the log makes this row",
         "UPDATE hard SET v = 'a', name = 'a' WHERE id = 7": "hard: (id) = (7): the row differs in name, v",
         "UPDATE plain SET name = 'third' WHERE id = 1": "plain: (id) = (1): the row differs in name",
         "INSERT INTO plain VALUES (4, 'd')": "plain: (id) = (4): no record of the log makes this row"},
        {"UPDATE item SET name = 'old', v = 10, note = 'kept' WHERE id = 1": "item: (id) = (1): the row differs in name, note, v",
         "DELETE FROM hard WHERE id = 7": "hard: (id) = (7): the row is missing"}]
    for damage in wrong:
        database.sql("CREATE TABLE kept_item AS TABLE item; CREATE TABLE kept_hard AS TABLE hard; CREATE TABLE kept_line AS TABLE line; "
                     "CREATE TABLE kept_plain AS TABLE plain")
        for statement in damage:
            database.sql(statement)
        bad = verify(service, "--deep")
        assert bad.returncode == 1, bad
        assert sorted(bad.stderr.splitlines()) == sorted(f"error: table public.{told}" for told in damage.values()), bad
        database.sql("TRUNCATE item, hard, line, plain; INSERT INTO item TABLE kept_item; INSERT INTO hard TABLE kept_hard; "
                     "INSERT INTO line TABLE kept_line; INSERT INTO plain TABLE kept_plain; "
                     "DROP TABLE kept_item, kept_hard, kept_line, kept_plain")
    assert service.stop() == 0


def test_a_standing_proof_finds_what_is_broken_by_hand_one_instance_at_a_time(broker, database, orders, services):
    rows = route(orders, "public.orders")
    pair = [services(rows, rest='[verify]\nevery = "1s"\n') for _ in range(2)]
    for service in pair:
        service.expected = ["the accounting does not hold"]
        service.start()
    publish(broker, orders, *range(50))
    through = f'sluice_verification_verified_through{{topic="{orders}",partition="0"}}'

    def tails():
        return "\n".join(service.tail() for service in pair)

    def shown(name):
        return {service.metrics().get(name) for service in pair}

    wait_until(lambda: shown(through) == {50} and shown("sluice_verification_ok") == {1}, tails)
    assert any("the books hold: 4 partitions, " in service.log() for service in pair)
    database.sql("UPDATE sluice.pointer SET applied = applied - 1 WHERE partition = 0")
    publish(broker, orders, *range(50, 60))
    wait_until(lambda: shown("sluice_verification_ok") == {0}, tails)
    assert shown('sluice_verification_partitions{result="failed"}') == {1}
    assert shown(through) == {50}, "what is not proved does not move it"
    wait_until(lambda: any(f"{orders}/0: the accounting does not hold: " in service.log() for service in pair), tails)
    database.sql("UPDATE sluice.pointer SET applied = applied + 1 WHERE partition = 0")
    wait_until(lambda: shown("sluice_verification_ok") == {1} and shown(through) == {60}, tails)
    apart = database.sql("SELECT min(apart) FROM (SELECT at - lag(at) OVER (ORDER BY at) AS apart FROM "
                         "(SELECT DISTINCT at FROM sluice.verification) proofs) distances")[0][0]
    assert apart.total_seconds() >= 1, "of two instances one proves"

    proving = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sluice verify' AND state = 'active'"
    with contextlib.closing(psycopg2.connect(database.url)) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE sluice.verification")
        wait_until(lambda: database.sql(proving), tails)
        assert [service.stop() for service in pair] == [0, 0]
        assert database.sql(proving) == []
    assert all("PostgreSQL does not answer" not in service.log() for service in pair)
