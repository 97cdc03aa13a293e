"""The base of the end-to-end tests: one broker and one PostgreSQL cluster per test process, one database per test.

The tests' view of what is right is their own: models in Python, SQL read over a separate connection.
"""
import argparse
import atexit
import contextlib
import json
import signal
import sys
import unittest

import psycopg2

from support.kafka import Kafka
from support.postgres import Postgres
from support.sluice import Sluice
from support.waiting import wait_until

IDENTITY = """SELECT topic, partition, start_offset, next_offset, applied, folded, skipped, dead, gaps
              FROM sluice.pointer ORDER BY topic, partition"""


class ServiceCase(unittest.TestCase):
    options = None
    _shared = {}
    _count = 0

    @classmethod
    def shared(cls, kind):
        if kind not in ServiceCase._shared:
            ServiceCase._shared[kind] = kind()
            atexit.register(ServiceCase._shared[kind].remove)
        return ServiceCase._shared[kind]

    def setUp(self):
        self.kafka = self.shared(Kafka)
        self.postgres = self.shared(Postgres)
        ServiceCase._count += 1
        self.name = f"t{ServiceCase._count}"  # database, prefix of topics, pipeline
        self.url = self.postgres.create_database(self.name)
        self.services = []
        self.addCleanup(self._end)

    def _end(self):
        for service in self.services:
            if service.running():
                with contextlib.suppress(ProcessLookupError):
                    service.kill9()
        trouble = [line for service in self.services for line in service.trouble()] + self.postgres.trouble()
        failed = any(error for _, error in self._outcome.errors) if hasattr(self._outcome, "errors") else False
        if failed or trouble:
            for service in self.services:
                print(f"--- {service.log_path}\n{service.tail(6000)}", file=sys.stderr)
        for service in self.services:
            service.remove()
        self.assertFalse(trouble, "lines in the logs that nobody expected")

    def topic(self, name, partitions=1, **config):
        return self.kafka.create_topic(f"{self.name}.{name}", partitions, **config)

    def service(self, routes, url=None, **settings):
        """url: another way to the same database."""
        settings.setdefault("pipeline", self.name)
        one = Sluice(self.kafka.bootstrap, url or self.url, routes, **settings)
        self.services.append(one)
        atexit.register(one.remove)  # for a test that is interrupted
        return one

    def sql(self, text, *arguments):
        """Rows of one statement, on a connection of its own."""
        with contextlib.closing(psycopg2.connect(self.url, connect_timeout=10)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text, arguments or None)
                return cursor.fetchall() if cursor.description else None

    def pointers(self):
        """{(topic, partition): next_offset}; empty before the service has made its schema."""
        try:
            return {(row[0], row[1]): row[3] for row in self.sql(IDENTITY)}
        except (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName):
            return {}

    def state(self, topic, partition=0):
        try:
            rows = self.sql("SELECT state, state_reason FROM sluice.pointer WHERE topic = %s AND partition = %s", topic,
                            partition)
        except (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName):
            return (None, None)
        return rows[0] if rows else (None, None)

    def wait_caught_up(self, *topics, seconds=120):
        """Until every pointer is at its partition's end; then the identity must hold."""
        ends = {(topic, p): end for topic in topics for p, end in self.kafka.ends(topic).items()}

        def behind():
            held = self.pointers()
            return {at: (held.get(at), end) for at, end in ends.items() if end > 0 and held.get(at) != end}

        def explain():
            logs = "\n".join(service.tail(2000) for service in self.services)
            return f"pointers (now, wanted): {behind()}\n{logs}"

        wait_until(lambda: not behind(), explain, seconds)
        self.check_identity(self.sql(IDENTITY))

    def check_identity(self, rows):
        for topic, partition, start, following, applied, folded, skipped, dead, gaps in rows:
            self.assertEqual(following - start, applied + folded + skipped + dead + gaps, f"{topic}/{partition}")

    def wait_state(self, topic, state, partition=0, seconds=60):
        wait_until(lambda: self.state(topic, partition)[0] == state,
                   lambda: f"{topic}/{partition} is {self.state(topic, partition)}, not {state}\n"
                   + "\n".join(service.tail(2000) for service in self.services), seconds)
        return self.state(topic, partition)[1]

    def dead_letters(self):
        """{(topic, partition, offset): (stage, reason)}"""
        rows = self.sql("SELECT topic, partition, record_offset, stage, reason FROM sluice.dead_letter")
        found = {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}
        self.assertEqual(len(rows), len(found), "a record is a dead letter twice")
        return found

    def route(self, topic, table, key="id", **settings):
        """One [[route]] as TOML; key is a column, a list of them, or None."""
        columns = [] if key is None else [key] if isinstance(key, str) else key
        more = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        return f'[[route]]\ntopics = [{json.dumps(topic)}]\ntable = "{table}"\nkey = {json.dumps(columns)}\n{more}'


def encode(value):
    return None if value is None else json.dumps(value).encode()


def main(**more):
    """Runs the tests of the calling script. more: its own options, name=default."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--sluice", required=True, help="the binary under test")
    for name, default in more.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    ServiceCase.options, rest = parser.parse_known_args()
    Sluice.binary = ServiceCase.options.sluice
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or what was started would stay behind
    unittest.main(module="__main__", argv=[sys.argv[0], *rest], verbosity=2)
