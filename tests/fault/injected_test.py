"""What others do to the database while the stream runs: errors from triggers, locks held, tables altered.

Each of it --rounds times. Whatever is no record's fault makes no dead letter, and the stream goes on by itself.
"""
import contextlib
import random
import time

import psycopg2
import pytest

from support.waiting import wait_until

# One statement in twenty fails; a sequence counts, since it does not go back with the transaction.
TRIGGERS = """
CREATE SEQUENCE injected;
CREATE FUNCTION inject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF random() < 0.05 THEN
    PERFORM nextval('injected');
    IF random() < 0.5 THEN RAISE EXCEPTION 'injected' USING ERRCODE = '40001'; END IF;
    RAISE EXCEPTION 'injected' USING ERRCODE = '40P01';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER inject AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH STATEMENT EXECUTE FUNCTION inject()"""

# Each pair leaves the table as it was.
ALTERATIONS = (
    ("ALTER TABLE keyed ADD COLUMN extra text DEFAULT 'x'", "ALTER TABLE keyed DROP COLUMN extra"),
    ("ALTER TABLE keyed ALTER number TYPE numeric", "ALTER TABLE keyed ALTER number TYPE bigint"),
    ("ALTER TABLE keyed ADD CONSTRAINT sane CHECK (number >= 0)", "ALTER TABLE keyed DROP CONSTRAINT sane"),
    ("ALTER TABLE keyed DROP CONSTRAINT keyed_pkey", "ALTER TABLE keyed ADD CONSTRAINT keyed_pkey PRIMARY KEY (id)"),
    ("ALTER TABLE keyed RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO keyed"),
    ("ALTER TABLE keyed RENAME id TO ident", "ALTER TABLE keyed RENAME ident TO id"),
)


@pytest.fixture
def flow(make_flow):
    return make_flow(rate=2000)


@pytest.fixture
def service(pipeline, flow):
    """It is in the middle of the stream."""
    one = pipeline.service(flow.routes(), rest=flow.batches).start()
    flow.start()
    flow.wait_progress()
    return one


@pytest.fixture
def chance(seed):
    return random.Random(seed)


@pytest.fixture
def rounds(option):
    return option("rounds", 12)


def check(flow, service, told):
    flow.check()
    print(f"{flow.summary()}, {told}")
    assert service.stop() == 0


def test_serialization_failures_and_deadlocks_are_tried_again(pipeline, flow, service, rounds):
    for table in ("witness", "keyed"):
        pipeline.sql(TRIGGERS.format(table).replace("CREATE SEQUENCE", "CREATE SEQUENCE IF NOT EXISTS")
                     .replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    injected = lambda: pipeline.sql("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM injected")[0][0]  # noqa: E731
    wait_until(lambda: injected() >= 10 * rounds, service.tail, 120)
    check(flow, service, f"{injected()} errors injected")


@contextlib.contextmanager
def held(pipeline, statement):
    with contextlib.closing(psycopg2.connect(pipeline.url)) as other, other.cursor() as cursor:
        cursor.execute(statement)
        yield
        other.rollback()


def test_locks_that_others_hold_are_waited_for(pipeline, flow, service, chance, rounds):
    for _ in range(rounds):
        statement = chance.choice((
            "LOCK TABLE keyed", "LOCK TABLE witness IN SHARE MODE", "SELECT FROM keyed WHERE id = 7 FOR UPDATE"))
        with held(pipeline, statement):
            time.sleep(chance.uniform(0.1, 2.0))  # how long the fault lasts
        flow.wait_progress()
    with held(pipeline, "LOCK TABLE keyed"):  # beyond the service's own time-out of ten seconds
        wait_until(lambda: "55P03" in service.log(), service.tail, 60)
    check(flow, service, f"{rounds + 1} locks")


def test_tables_may_be_altered_under_load(pipeline, flow, service, chance, rounds):
    service.expected = ["schema"]
    for index in range(rounds):
        there, back = ALTERATIONS[index % len(ALTERATIONS)]
        pipeline.sql(there)
        time.sleep(chance.uniform(0.0, 0.6))  # how long the fault lasts
        pipeline.sql(back)
        if index % 2:
            flow.wait_progress()
    letters = pipeline.sql("SELECT reason, detail FROM sluice.dead_letter")
    assert {told for told in letters if "value.number: found a value, expected" not in told[0] or "many" not in told[1]} == set()
    check(flow, service, f"{rounds} alterations")
