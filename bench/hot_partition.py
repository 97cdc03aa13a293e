#!/usr/bin/python3
"""One partition with a backlog beside empty ones: is it fetched as fast as one that is alone, and for the same CPU?

    bench/hot_partition.py --sluice build/release/sluice [--against OLDER] [--events 300000] [--rounds 3]
                           [--partitions 1 8 256] [--lanes 1] [--spread]

Topics with the same records of about 1 kB in their partition 0, and as many partitions as asked for. Inserts into a table
without index; the time runs from the first to the last commit, the CPU is the service's own in that time. A service that
lets the empty partitions hold the full one back shows it as a smaller rate, one that looks at them in vain as more CPU.
--spread: the records are in all partitions in turn, so that all are busy.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from support.kafka import Kafka  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.sluice import Sluice  # noqa: E402
from support.waiting import wait_until  # noqa: E402

SERVER = "shared_buffers = 512MB\nmax_wal_size = 8GB\n"


def event(number):
    return json.dumps({"id": number, "payload": f"{number}:".ljust(1000, "x")}).encode()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rate(kafka, postgres, binary, topic, events, lanes):
    connection = postgres.connect("hot")
    cursor = connection.cursor()
    cursor.execute("DROP SCHEMA IF EXISTS sluice CASCADE")
    cursor.execute("DROP TABLE IF EXISTS target")
    cursor.execute("CREATE UNLOGGED TABLE target (id bigint, payload text)")

    def committed():
        cursor.execute("SELECT to_regclass('sluice.pointer')")
        if cursor.fetchone()[0] is None:
            return 0
        cursor.execute("SELECT coalesce(sum(next_offset), 0) FROM sluice.pointer")
        return int(cursor.fetchone()[0])

    Sluice.binary = binary
    route = f'[[route]]\ntopics = ["{topic}"]\ntable = "public.target"\nmode = "insert"\nkey = []\n'
    service = Sluice(kafka.bootstrap, postgres.url("hot"), route, pipeline=f"hot-{time.monotonic_ns()}", postgres=f"lanes = {lanes}")
    service.start(ready=False)
    try:
        first = wait_until(committed, service.tail, 60, every=0.002)
        begun, cpu = time.monotonic(), cpu_seconds(service.process.pid)
        wait_until(lambda: committed() == events, service.tail, 600, every=0.005)
        took, cpu = time.monotonic() - begun, cpu_seconds(service.process.pid) - cpu
    finally:
        service.stop()
        service.remove()
    cursor.execute("SELECT count(*), count(DISTINCT id) FROM target")
    if cursor.fetchone() != (events, events):
        raise AssertionError("not every record became one row")
    connection.close()
    return (events - first) / took, cpu * 1e6 / (events - first)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--against", help="another build to compare with, in turns")
    parser.add_argument("--events", type=int, default=300000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--partitions", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--spread", action="store_true")
    options = parser.parse_args()
    binaries = [binary for binary in (options.against, options.sluice) if binary]
    postgres = Postgres(SERVER)
    try:
        postgres.create_database("hot")
        kafka = Kafka(memory="1g")
        try:
            for partitions in options.partitions:
                topic = kafka.create_topic(f"hot-{partitions}", partitions)
                kafka.fill(topic, ((None, event(number), number % partitions if options.spread else 0)
                                   for number in range(options.events)))
            rates = {}
            for _ in range(options.rounds):
                for partitions in options.partitions:
                    for binary in binaries:
                        rates.setdefault((partitions, binary), []).append(
                            rate(kafka, postgres, binary, f"hot-{partitions}", options.events, options.lanes))
            for (partitions, binary), found in rates.items():
                speeds, costs = zip(*found)
                print(f"{partitions:4} partitions  {statistics.median(speeds):10,.0f} events/s ({min(speeds):,.0f} to"
                      f" {max(speeds):,.0f})  {statistics.median(costs):.2f} CPU us/event ({min(costs):.2f} to"
                      f" {max(costs):.2f})  {binary}")
        finally:
            kafka.remove()
    finally:
        postgres.remove()


if __name__ == "__main__":
    main()
