"""What belongs to one test: a database, topics with its prefix, the services of one pipeline, and what must come of them.

The tests' view of what is right is their own: models in Python, SQL read over a separate connection.
"""
import contextlib
import json

import psycopg2

from support.sluice import NOBODY, Sluice
from support.waiting import wait_until

IDENTITY = """SELECT topic, partition, start_offset, next_offset, applied, folded, skipped, dead, gaps
              FROM sluice.pointer ORDER BY topic, partition"""
NO_SCHEMA_YET = (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName)


def encode(value):
    return None if value is None else json.dumps(value).encode()


def toml_text(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_text(name)} = {toml_text(one)}" for name, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def route(topic, table, key="id", **settings):
    """One [[route]] as TOML; key is a column, a list of them, or None for a route that does not name it."""
    columns = {} if key is None else {"key": [key] if isinstance(key, str) else key}
    lines = {"topics": [topic], "table": table, **columns, **settings}
    return "[[route]]\n" + "".join(f"{name} = {toml_text(value)}\n" for name, value in lines.items())


def check_identity(rows):
    """Rows of IDENTITY: every offset that a pointer has passed is in one of its counts."""
    for topic, partition, start, following, applied, folded, skipped, dead, gaps in rows:
        assert following - start == applied + folded + skipped + dead + gaps, f"{topic}/{partition}"


class Database:
    """A database of its own on a server that others share."""

    def __init__(self, postgres, name):
        self.postgres, self.name = postgres, name
        self.url = postgres.create_database(name)
        self.begin = len(postgres.log())

    def sql(self, text, *arguments):
        """Rows of one statement, on a connection of its own."""
        with contextlib.closing(psycopg2.connect(self.url, connect_timeout=60)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text, arguments or None)
                return cursor.fetchall() if cursor.description else None

    def log(self):
        """What the server has written since this database was made."""
        return self.postgres.log()[self.begin:]

    def trouble(self):
        return self.postgres.trouble(self.begin)

    def pointers(self):
        """{(topic, partition): next_offset}; empty before the service has made its schema."""
        try:
            return {(row[0], row[1]): row[3] for row in self.sql(IDENTITY)}
        except NO_SCHEMA_YET:
            return {}

    def state(self, topic, partition=0):
        """(state, reason) of a partition, or (None, None)."""
        try:
            rows = self.sql("SELECT state, state_reason FROM sluice.pointer WHERE topic = %s AND partition = %s", topic,
                            partition)
        except NO_SCHEMA_YET:
            return (None, None)
        return rows[0] if rows else (None, None)

    def dead_letters(self):
        """{(topic, partition, offset): (stage, reason)}"""
        rows = self.sql("SELECT topic, partition, record_offset, stage, reason FROM sluice.dead_letter")
        found = {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}
        assert len(rows) == len(found), "a record is a dead letter twice"
        return found


class Services:
    """Makes the services of one pipeline: sluice(routes, **settings) is a Sluice that is not started yet."""

    def __init__(self, kafka, database):
        self.kafka, self.database, self.made = kafka, database, []

    def __call__(self, routes, url=None, brokers=None, **settings):
        """url, brokers: another way to the same database and Kafka."""
        settings.setdefault("pipeline", self.database.name)
        self.made.append(Sluice(brokers or self.kafka.bootstrap, url or self.database.url, routes, **settings))
        return self.made[-1]

    def tails(self, characters=2000):
        return "\n".join(f"--- {one.log_path}\n{one.tail(characters)}" for one in self.made)

    def close(self, ended=Sluice.kill9):
        """Ends what still runs. Returns what the logs hold that nobody expected, with the logs, or an empty text."""
        trouble = []
        for one in self.made:
            try:
                if one.running():
                    ended(one)
            except AssertionError as late:
                trouble.append(str(late))
        trouble += [line for one in self.made for line in one.trouble()] + self.database.trouble()
        told = "\n".join(["lines in the logs that nobody expected:", *trouble, self.tails(6000)]) if trouble else ""
        for one in self.made:
            one.remove()
        return told


@contextlib.contextmanager
def running_services(kafka, database):
    """Services for as long as the block lasts; lines in their logs that nobody expected are an error."""
    services, told = Services(kafka, database), ""
    try:
        yield services
    finally:
        told = services.close()
    if told:
        raise AssertionError(told)


class Nowhere:
    """Kafka and a database that are not there, for services that are only to wait for them."""
    bootstrap, name, url = NOBODY, "shop", f"postgresql://secret_user@{NOBODY}/none"

    @staticmethod
    def trouble():
        return []


class Pipeline:
    """Kafka, database and services under one name, with what a test says about them most often."""

    def __init__(self, kafka, database, services):
        self.kafka, self.database, self.service = kafka, database, services
        self.name, self.url, self.postgres = database.name, database.url, database.postgres
        self.sql, self.pointers, self.state, self.dead_letters = (
            database.sql, database.pointers, database.state, database.dead_letters)

    def topic(self, name, partitions=1, **config):
        return self.kafka.create_topic(f"{self.name}.{name}", partitions, **config)

    def logs(self, characters=2000):
        return self.service.tails(characters)

    def wait_caught_up(self, *topics, seconds=120):
        """Until every pointer is at its partition's end; then the identity must hold."""
        ends = {(topic, p): end for topic in topics for p, end in self.kafka.ends(topic).items()}

        def behind():
            held = self.pointers()
            return {at: (held.get(at), end) for at, end in ends.items() if end > 0 and held.get(at) != end}

        wait_until(lambda: not behind(), lambda: f"pointers (now, wanted): {behind()}\n{self.logs()}", seconds)
        check_identity(self.sql(IDENTITY))

    def wait_state(self, topic, state, partition=0, seconds=60):
        """Until the partition is in this state; returns the reason."""
        wait_until(lambda: self.state(topic, partition)[0] == state,
                   lambda: f"{topic}/{partition} is {self.state(topic, partition)}, not {state}\n{self.logs()}", seconds)
        return self.state(topic, partition)[1]
