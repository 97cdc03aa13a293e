#!/usr/bin/python3
"""What others do to the database while the stream runs: errors from triggers, locks held, tables altered.

--rounds N: how often each. Whatever is no record's fault makes no dead letter, and the stream goes on by itself.
"""
import contextlib
import pathlib
import random
import sys
import time

import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fault.flow import Flow  # noqa: E402
from support.case import ServiceCase, main  # noqa: E402
from support.waiting import wait_until  # noqa: E402

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


class Injected(ServiceCase):
    def setUp(self):
        super().setUp()
        seed = self.options.seed or random.randrange(10**6)
        print(f"seed {seed}")
        self.flow = Flow(self, seed, rate=2000)
        self.chance = random.Random(seed)
        self.one = self.service(self.flow.routes(), rest=self.flow.batches).start()
        self.flow.start()
        self.flow.wait_progress()

    def check(self, told):
        self.flow.check()
        print(f"{self.flow.summary()}, {told}")
        self.assertEqual(self.one.stop(), 0)

    def test_serialization_failures_and_deadlocks_are_tried_again(self):
        for table in ("witness", "keyed"):
            self.sql(TRIGGERS.format(table).replace("CREATE SEQUENCE", "CREATE SEQUENCE IF NOT EXISTS")
                     .replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
        injected = lambda: self.sql("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM injected")[0][0]  # noqa: E731
        wait_until(lambda: injected() >= 10 * self.options.rounds, self.one.tail, 120)
        self.check(f"{injected()} errors injected")

    @contextlib.contextmanager
    def held(self, statement):
        with contextlib.closing(psycopg2.connect(self.url)) as other, other.cursor() as cursor:
            cursor.execute(statement)
            yield
            other.rollback()

    def test_locks_that_others_hold_are_waited_for(self):
        for _ in range(self.options.rounds):
            statement = self.chance.choice((
                "LOCK TABLE keyed", "LOCK TABLE witness IN SHARE MODE", "SELECT FROM keyed WHERE id = 7 FOR UPDATE"))
            with self.held(statement):
                time.sleep(self.chance.uniform(0.1, 2.0))  # how long the fault lasts
            self.flow.wait_progress()
        with self.held("LOCK TABLE keyed"):  # beyond the service's own time-out of ten seconds
            wait_until(lambda: "55P03" in self.one.log(), self.one.tail, 60)
        self.check(f"{self.options.rounds + 1} locks")

    def test_tables_may_be_altered_under_load(self):
        self.one.expected = ["schema"]
        for index in range(self.options.rounds):
            there, back = ALTERATIONS[index % len(ALTERATIONS)]
            self.sql(there)
            time.sleep(self.chance.uniform(0.0, 0.6))  # how long the fault lasts
            self.sql(back)
            if index % 2:
                self.flow.wait_progress()
        self.assertEqual({reason for _, reason in self.dead_letters().values() if "many" not in reason}, set())
        self.check(f"{self.options.rounds} alterations")


if __name__ == "__main__":
    main(rounds=12, seed=0)
