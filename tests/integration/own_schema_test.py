"""Sluice's own tables and role: privileges that are exactly enough, versions that live together, what is kept how long."""
import contextlib
import pathlib
import re

import psycopg2
import pytest

from support.console import Access
from support.pipeline import IDENTITY, check_identity, encode, route
from support.sluice import run
from support.waiting import wait_until

SQL = pathlib.Path(__file__).resolve().parents[2] / "sink/sql"
CARD = "4111-1111"


@pytest.fixture
def access():
    with Access() as made:
        yield made


def publish(kafka, topic, events):
    kafka.publish(topic, [(b"%d" % key, None if value is None else encode(value)) for key, value in events])


def letters(database):
    """(id, key, value, headers, reason, detail, resolution) of each; the empty list before there is a schema."""
    with contextlib.suppress(psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName):
        rows = database.sql("SELECT id, key, value, headers, reason, detail, resolution FROM sluice.dead_letter ORDER BY id")
        return [tuple(bytes(one) if isinstance(one, memoryview) else one for one in row) for row in rows]
    return []


@pytest.fixture
def role(database):
    """A role that may log in, and nothing else. It is dropped when the services have ended."""
    name = f"role {database.name}"
    database.sql(f'CREATE ROLE "{name}" LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC; '
                 f'REVOKE ALL ON DATABASE "{database.name}" FROM PUBLIC')
    yield name
    database.sql(f'DROP SCHEMA IF EXISTS sluice CASCADE; DROP OWNED BY "{name}"; DROP ROLE "{name}"')


def test_a_role_with_what_grants_prints_runs_everything_and_may_nothing_else(broker, database, role, services, access):
    """Batches of every path, deletes, truncates, letters, replay, pauses and the trail."""
    database.sql("CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint PRIMARY KEY, n serial, status text NOT NULL); "
                 "CREATE TABLE shop.log (id bigserial, what text); CREATE TABLE shop.secret (card text)")
    orders, log = broker.create_topic(f"{database.name}.orders"), broker.create_topic(f"{database.name}.log")
    url = f"postgresql://{role.replace(' ', '%20')}@127.0.0.1:{database.postgres.port}/{database.name}"
    service = services(route(orders, "shop.orders", truncate="apply") + route(log, "shop.log", [], mode="insert"), url=url,
                       console=access.toml())
    script = run("grants", "--config", service.config, seconds=60)
    assert script.returncode == 0, script.stderr
    database.sql(script.stdout)
    publish(broker, orders, [(n, {"id": n, "status": "new"}) for n in range(5000)])
    publish(broker, log, [(n, {"what": "x"}) for n in range(10)])
    service.start()
    publish(broker, orders, [(1, None), (2, {"id": 2, "status": None})])
    wait_until(lambda: letters(database) and database.sql("SELECT count(*) FROM shop.orders") == [(4999,)], service.tail)
    database.sql("ALTER TABLE shop.orders ALTER status DROP NOT NULL")
    done = access.run("dead", "replay", "1", key="k_oper")
    assert done.code == 0, done
    assert access.run("pause", orders, "--reason", "x", key="k_oper").code == 0
    assert access.run("resume", "all", key="k_oper").code == 0
    assert database.sql("SELECT status FROM shop.orders WHERE id = 2") == [(None,)]
    assert "permission" not in service.log()
    known = len(letters(database))
    database.sql(f'REVOKE ALL ON SEQUENCE shop.orders_n_seq FROM "{role}"')  # of a default, so that rows alone ask for it
    service.expected = ["permission denied for sequence"]
    publish(broker, orders, [(9000, {"id": 9000, "status": "new"})])
    where = "SELECT state_reason FROM sluice.pointer WHERE state = 'schema'"
    wait_until(lambda: database.sql(where), service.tail)
    assert "permission denied for sequence" in database.sql(where)[0][0]
    database.sql(f'GRANT USAGE ON SEQUENCE shop.orders_n_seq TO "{role}"')
    wait_until(lambda: database.sql("SELECT status FROM shop.orders WHERE id = 9000") == [("new",)], service.tail)
    assert len(letters(database)) == known, "a right that is missing is no record's fault"
    may = database.sql("SELECT table_name, privilege_type FROM information_schema.role_table_grants "
                       "WHERE grantee = %s AND table_schema = 'shop' ORDER BY 1, 2", role)
    assert may == [("log", "INSERT"), *[("orders", right) for right in ("DELETE", "INSERT", "SELECT", "TRUNCATE", "UPDATE")]]
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        for text in ("SELECT * FROM shop.secret", "SELECT * FROM shop.log", "CREATE TABLE public.t ()",
                     "CREATE TABLE shop.t ()", "CREATE SCHEMA more", "ALTER TABLE shop.orders ADD x int"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(text)
            connection.rollback()
    assert service.stop() == 0


def state_names():
    text = (SQL.parents[1] / "admin/partition_state.cc").read_text(encoding="utf-8")
    names = re.findall(r'\{\w+, "(\w+)", Severity', text)
    return ", ".join(f"'{name}'" for name in names if name != "claiming")


def make_version(database, version):
    database.sql("CREATE SCHEMA sluice; CREATE TABLE sluice.schema_version (version int PRIMARY KEY, "
                 "applied_at timestamptz NOT NULL DEFAULT now())")
    for number in range(1, version + 1):
        text = (SQL / f"migration_{number:03}.sql").read_text(encoding="utf-8")
        database.sql(text.replace(":schema", "sluice").replace(":states", state_names()))
        database.sql("INSERT INTO sluice.schema_version (version) VALUES (%s)", number)


# As the program of version 2 stores a letter.
OLD_LETTER = """INSERT INTO sluice.dead_letter AS d (pipeline, topic, partition, record_offset, generation, key, stage, reason)
                VALUES (%s, %s, 0, %s, 1, 'k', 'map', %s)
                ON CONFLICT (pipeline, topic, partition, record_offset, generation) DO UPDATE SET reason = excluded.reason"""


def test_a_living_database_moves_on_and_programs_of_both_versions_go_on(broker, database, services, access):
    make_version(database, 2)
    database.sql(OLD_LETTER, database.name, "t", 1, f"found {CARD}")
    database.sql("CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL)")
    orders = broker.create_topic(f"{database.name}.orders")
    publish(broker, orders, [(n, {"id": n, "status": "new"}) for n in range(100)])
    service = services(route(orders, "public.orders"), console=access.toml())
    service.start()
    wait_until(lambda: database.sql("SELECT count(*) FROM orders") == [(100,)], service.tail)
    newest, reader = database.sql("SELECT version, oldest_reader FROM sluice.schema_version ORDER BY 1 DESC LIMIT 1")[0]
    assert reader == 2, "whoever wrote before may stay: nothing was taken away since"
    # What an earlier version had in one text is not told to viewers any more, and the earlier version can still write.
    assert letters(database)[0][5] == f"found {CARD}" and CARD not in letters(database)[0][4]
    database.sql(OLD_LETTER, database.name, "t", 2, "an older instance still runs")
    # The next version: its program has been here, and says who may stay.
    database.sql("ALTER TABLE sluice.pointer ADD COLUMN more text; ALTER TABLE sluice.dead_letter ADD COLUMN more text")
    database.sql("INSERT INTO sluice.schema_version (version, oldest_reader) VALUES (%s, %s)", newest + 1, newest)
    assert service.stop() == 0
    service.start()
    publish(broker, orders, [(n, {"id": n, "status": "new"}) for n in range(100, 200)] + [(300, {"id": 300, "status": None})])
    wait_until(lambda: database.sql("SELECT count(*) FROM orders") == [(200,)] and len(letters(database)) == 3, service.tail)
    assert database.sql("SELECT count(*) FROM sluice.schema_version") == [(newest + 1,)]
    check_identity(database.sql(IDENTITY))
    # A version that takes away what this program needs says so, and the program does not touch anything.
    database.sql("UPDATE sluice.schema_version SET oldest_reader = version WHERE version > %s", newest)
    assert service.stop() == 0
    service.expected.append("cannot prepare schema")
    service.start(ready=False)
    assert service.wait(60) == 2
    assert re.search(rf"schema sluice has version {newest + 1}, which programs from version {newest + 1} on can use; this one "
                     rf"knows {newest}", service.log())


def test_what_is_resolved_and_old_goes_and_what_is_open_stays(broker, database, services, access):
    database.sql("CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL)")
    orders = broker.create_topic(f"{database.name}.orders")
    publish(broker, orders, [(n, {"id": n, "status": None}) for n in range(4)])
    service = services(route(orders, "public.orders"), rest='[dead_letters]\nkeep = "1h"\n', console=access.toml())
    service.start()
    wait_until(lambda: len(letters(database)) == 4, service.tail)
    database.sql("UPDATE sluice.dead_letter SET created_at = now() - interval '3 h'")
    database.sql("UPDATE sluice.dead_letter SET resolved_at = now() - interval '2 h', resolution = 'x' WHERE id IN (1, 2)")
    database.sql("UPDATE sluice.dead_letter SET resolved_at = now(), resolution = 'x' WHERE id = 3")
    database.sql("INSERT INTO sluice.audit (pipeline, at, command) SELECT %s, now() - interval '2 h', 'old' "
                 "FROM generate_series(1, 2500)", database.name)
    database.sql("INSERT INTO sluice.audit (pipeline, at, command) VALUES ('another', now() - interval '2 h', 'old')")
    assert service.stop() == 0
    service.start()
    wait_until(lambda: database.sql("SELECT count(*) FROM sluice.audit WHERE command = 'old'") == [(1,)], service.tail)
    assert [row[0] for row in letters(database)] == [3, 4]
    wait_until(lambda: service.metrics().get('sluice_schema_table_bytes{table="dead_letter"}', 0) > 8192, service.tail)
    # The trail twice: each row is also a line of the log.
    assert re.search(r'audit: \{"id":\d+,"who":"sluice","role":"service".*"command":"start"', service.log())
    assert ("start",) in database.sql("SELECT command FROM sluice.audit WHERE who = 'sluice'")
    assert service.stop() == 0


def test_a_letter_without_values_holds_no_data_and_its_replay_reads_the_log(broker, database, services, access):
    database.sql("CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL, card text)")
    orders = broker.create_topic(f"{database.name}.orders")
    publish(broker, orders, [(7, {"id": 7, "status": None, "card": CARD})])
    service = services(route(orders, "public.orders"), rest="[dead_letters]\nvalues = false\n", console=access.toml())
    service.start()
    wait_until(lambda: letters(database), service.tail)
    assert CARD not in str(letters(database))
    assert letters(database)[0][1:4] == (b"7", None, None)
    still = access.run("dead", "replay", "1", key="k_oper")
    assert "refused again" in still.out and CARD not in str(letters(database)), still
    database.sql("ALTER TABLE orders ALTER status DROP NOT NULL")
    done = access.run("dead", "replay", "1", key="k_oper")
    assert done.code == 0, done
    assert database.sql("SELECT id, status, card FROM orders") == [(7, None, CARD)]
    # Another record at its offset is not taken for it, and above all a missing value not for a tombstone.
    database.sql("UPDATE sluice.dead_letter SET resolved_at = NULL, resolution = NULL, key = 'other'")
    refused = access.run("dead", "replay", "1", "--force", "--yes", key="k_oper")
    assert refused.code != 0 and "another record" in refused.out, refused
    assert database.sql("SELECT count(*) FROM orders") == [(1,)]
    assert service.stop() == 0


def test_a_pause_is_obeyed_while_the_letters_cannot_be_counted(broker, database, services):
    database.sql("CREATE TABLE orders (id bigint PRIMARY KEY)")
    orders = broker.create_topic(f"{database.name}.orders")
    service = services(route(orders, "public.orders"))
    service.start()
    with contextlib.closing(psycopg2.connect(database.url)) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE sluice.dead_letter IN ACCESS EXCLUSIVE MODE")
        wait_until(lambda: database.sql("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'sluice.dead_letter'::regclass"),
                   service.tail)
        database.sql("INSERT INTO sluice.pause (pipeline, target, reason) VALUES (%s, %s, 'now')", database.name, orders)
        wait_until(lambda: {row[0] for row in database.sql("SELECT state FROM sluice.pointer")} == {"paused"}, service.tail, 20)  # a call to PostgreSQL ends after 25
    assert service.stop() == 0


GUARD = """CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.kind = 'raise' THEN RAISE EXCEPTION 'bad card %', NEW.card USING ERRCODE = 'check_violation', DETAIL = NEW.card; END IF;
  IF NEW.kind = 'cast' THEN PERFORM NEW.card::int; END IF;
  IF NEW.kind = 'warn' THEN RAISE WARNING 'card %', NEW.card; END IF;
  RETURN NEW;
END $$"""


def test_a_viewer_a_state_and_the_log_see_no_data_and_who_reads_it_is_audited(broker, database, services, access):
    """Constraints, casts, triggers that raise, unknown fields, values of the wrong type, text that is not JSON."""
    database.sql("CREATE TYPE mood AS ENUM ('glad')")
    database.sql("CREATE TABLE cards (id bigint PRIMARY KEY, card text CHECK (card <> 'no-4111-1111'), kind text, m mood, "
                 "n int, short varchar(3), at date, u uuid, UNIQUE (card))")
    database.sql(GUARD)
    database.sql("CREATE TRIGGER guard BEFORE INSERT ON cards FOR EACH ROW EXECUTE FUNCTION guard()")
    cards, stopping = broker.create_topic(f"{database.name}.cards"), broker.create_topic(f"{database.name}.stopping")
    bad = [{"kind": "raise", "card": CARD}, {"kind": "cast", "card": CARD}, {"card": "no-" + CARD}, {"m": CARD}, {"n": CARD},
           {"short": CARD}, {"at": CARD}, {"u": CARD}, {"n": 41111111111}, {f"x {CARD}": 1}, {"nosuch": CARD},
           {"m": "x\"" + CARD}, {"card": {"a": CARD}, "n": [CARD]}]
    rows = [(n, {"id": n, **value}) for n, value in enumerate(bad)]
    publish(broker, cards, rows + [(99, {"id": 99, "card": "twice-" + CARD, "kind": "warn"})])
    broker.publish(cards, [(b"98", b'{"id": 98, "card": "%s"' % CARD.encode()), (b"{" + CARD.encode(), b"[]")])
    publish(broker, stopping, [(1, {"id": 1000, "m": CARD})])
    service = services(route(cards, "public.cards") + route(stopping, "public.cards", on_error="stop"), console=access.toml())
    service.expected.append("stopped in state poison")
    service.start()
    wait_until(lambda: len(letters(database)) == len(bad) + 2 and "poison" in str(database.sql(
        "SELECT state FROM sluice.pointer")), lambda: f"{letters(database)}\n{service.tail()}")
    wait_until(lambda: database.sql("SELECT id FROM cards") == [(99,)], service.tail)
    publish(broker, cards, [(97, {"id": 97, "card": "twice-" + CARD})])
    wait_until(lambda: len(letters(database)) == len(bad) + 3, service.tail)
    for row in letters(database):
        assert CARD not in row[4] and "41111111111" not in row[4], row
    by_reason = {row[1]: row for row in letters(database)}
    assert CARD in by_reason[b"0"][5] and "guard() line 3 at RAISE" in by_reason[b"0"][4]
    assert "value.m" in by_reason[b"3"][4] or "mood" in by_reason[b"3"][4]
    assert "nosuch" in by_reason[b"10"][4]
    assert "cards_card_key" in by_reason[b"97"][4] and CARD in by_reason[b"97"][5]
    assert CARD not in str(database.sql("SELECT state_reason FROM sluice.pointer"))
    told = [access.run(*words, key="k_view") for words in (
        ["dead", "list"], ["dead", "list", "--json"], ["status"], ["partitions"], ["check"], ["errors"], ["incidents"],
        ["pointers"], ["dead", "list", "--reason", CARD])]
    assert all(CARD not in one.out + one.err for one in told), told
    assert "0 open" in told[-1].out
    assert CARD not in service.log() + service.get("/readyz")[1] + service.get("/metrics")[1]
    assert CARD in access.run("dead", "list", "--json", key="k_oper").out
    wait_until(lambda: database.sql("SELECT who FROM sluice.audit WHERE command = 'dead list'") == [("oper",)], service.tail)
    service.stop()
