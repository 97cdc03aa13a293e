#!/usr/bin/python3
"""How long `sluice verify --deep` takes, beside the first load of the same rows.

    bench/deep_proof.py --sluice build/release/sluice [--rows 1000000] [--per-row 1]

Rows of nine columns, about 440 bytes of plain JSON each, in eight partitions. All of it is in Kafka before the service starts;
the load runs from the start of the process to the last commit. Then the proof runs once on the whole, must find nothing wrong, and
once more after one row was changed by hand, which it must name.
"""
import argparse
import contextlib
import json
import pathlib
import resource
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from support.kafka import Kafka  # noqa: E402
from support.pipeline import route  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.sluice import Sluice  # noqa: E402
from support.waiting import wait_until  # noqa: E402

PARTITIONS = 8
TABLE = """CREATE TABLE item (id bigint PRIMARY KEY, customer bigint, status text, amount numeric(14,2), quantity integer,
           active boolean, created timestamptz, revision integer, payload jsonb)"""


def records_of(rows, revisions):
    for revision in range(revisions):
        for number in range(rows):
            value = json.dumps({
                "id": number, "customer": number % 1000, "status": "shipped", "amount": f"{number % 977}.25", "quantity": number % 50,
                "active": True, "created": f"2026-11-27T10:{number % 60:02}:00Z", "revision": revision,
                "payload": {"n": number, "text": f"{number}:".ljust(250, "x")}}).encode()
            yield str(number).encode(), value, number % PARTITIONS


def verify(service, wanted):
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([Sluice.binary, "verify", "--config", service.config, "--deep"], env=service.env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = time.monotonic() - begun
    assert done.returncode == wanted, done
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss // 1024, done


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--per-row", type=int, default=1)
    arguments = parser.parse_args()
    Sluice.binary = arguments.sluice
    kafka, postgres, service = Kafka(), Postgres(), None
    try:
        postgres.create_database("proof")
        kafka.create_topics({"item": PARTITIONS})
        kafka.fill("item", records_of(arguments.rows, arguments.per_row))
        with contextlib.closing(postgres.connect("proof")) as connection, connection.cursor() as cursor:
            cursor.execute(TABLE)
            service = Sluice(kafka.bootstrap, postgres.url("proof"), route("item", "public.item"), pipeline="proof")
            records = arguments.rows * arguments.per_row

            def loaded():
                cursor.execute("SELECT coalesce(sum(next_offset), 0) FROM sluice.pointer")
                return cursor.fetchone()[0] == records

            begun = time.monotonic()
            service.start()
            wait_until(loaded, service.tail, 3600, every=0.05)
            load = time.monotonic() - begun
            assert service.stop() == 0
            proof, cpu, peak, done = verify(service, 0)
            assert f"{arguments.rows}rowsexpected;0missing,0changed,0extra" in done.stdout.translate({0x20: None, 0x202f: None, 0xa0: None}), done
            cursor.execute("UPDATE item SET quantity = quantity + 1 WHERE id = %s", [arguments.rows // 2])
            again, _, _, done = verify(service, 1)
            assert f"(id) = ({arguments.rows // 2}): the row differs in quantity" in done.stderr, done
        print(f"{arguments.rows} rows by {records} records: loaded in {load:.1f} s, proved in {proof:.1f} s (CPU of verify {cpu:.1f} s, "
              f"peak {peak} MB), again with a changed row in {again:.1f} s; {proof / arguments.rows * 1e6:.1f} s per million rows")
    finally:
        if service:
            service.remove()
        postgres.remove()
        kafka.remove()


if __name__ == "__main__":
    main()
