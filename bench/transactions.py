#!/usr/bin/python3
"""What keeping source transactions whole costs: events a second with and without it, from the same logs, in turn.

    bench/transactions.py --sluice build/release/sluice [--transactions 20000] [--rounds 3]

Two tables with about five events for each transaction, all in the logs before the service starts; it has one lane both times.
The time runs from the start of the process to the last commit. The tables must be what the source says each time.
"""
import argparse
import contextlib
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from support.bank import ROUTE_TABLES, Bank, publish  # noqa: E402
from support.kafka import Kafka  # noqa: E402
from support.pipeline import route  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.sluice import Sluice  # noqa: E402
from support.waiting import wait_until  # noqa: E402


def seconds(kafka, postgres, bank, whole):
    with contextlib.closing(postgres.connect("bank")) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS sluice CASCADE")
        for table in ROUTE_TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS {table}; CREATE UNLOGGED TABLE {table} (id int PRIMARY KEY, balance bigint)")
        ends = {(topic, p): end for topic in map(bank.topic, ROUTE_TABLES) for p, end in kafka.ends(topic).items()}

        def caught_up():
            cursor.execute("SELECT to_regclass('sluice.pointer')")
            if cursor.fetchone()[0] is None:
                return False
            cursor.execute("SELECT topic, partition, next_offset FROM sluice.pointer")
            held = {row[:2]: row[2] for row in cursor.fetchall()}
            return all(held.get(at) == end for at, end in ends.items())

        rest = f'[consistency]\ntransactions = "source"\ntopic = "{bank.metadata}"\n' if whole else ""
        routes = "".join(route(bank.topic(table), f"public.{table}") for table in ROUTE_TABLES)
        service = Sluice(kafka.bootstrap, postgres.url("bank"), routes, pipeline=f"bank-{time.monotonic_ns()}",
                         postgres="lanes = 1", rest=rest)
        begun = time.monotonic()
        service.start(ready=False)
        try:
            wait_until(caught_up, service.tail, 600, every=0.005)
            took = time.monotonic() - begun
        finally:
            service.remove()
        for table in ROUTE_TABLES:
            cursor.execute(f"SELECT id, balance FROM {table}")
            assert dict(cursor.fetchall()) == bank.balances[table], table
        return took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--transactions", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    Sluice.binary = arguments.sluice
    kafka, postgres = Kafka(), Postgres()
    try:
        postgres.create_database("bank")
        bank = Bank("bench", 1, keys=1000)
        kafka.create_topics({bank.metadata: 1, **{bank.topic(table): bank.partitions[table] for table in ROUTE_TABLES}})
        producer = kafka.producer()
        publish(kafka, bank.snapshot(), producer)
        events = 2 * bank.keys
        for _ in range(arguments.transactions):
            records = bank.transaction()
            events += len(records) - 2
            for topic, partition, key, value in records:
                producer.produce(topic, partition=partition, key=key, value=value)
            producer.poll(0)
        assert producer.flush(120) == 0
        took = {False: [], True: []}
        for number in range(arguments.rounds):
            for whole in (False, True) if number % 2 == 0 else (True, False):
                took[whole].append(seconds(kafka, postgres, bank, whole))
        plain, kept = statistics.median(took[False]), statistics.median(took[True])
        print(f"{events} events in {arguments.transactions} transactions: {events / plain:.0f}/s as they come, "
              f"{events / kept:.0f}/s kept whole, ratio {plain / kept:.2f} (from the start of the process)")
    finally:
        postgres.remove()
        kafka.remove()


if __name__ == "__main__":
    main()
