"""Debezium's PostgreSQL source connector with transaction metadata, over pgbench's TPC-B: every snapshot of the target has the
same sum over accounts, tellers, branches and history, while the service is killed. In JSON, and in Avro of a schema registry.
"""
import contextlib
import pathlib
import random
import shutil
import subprocess

import pytest

from support.bank import Reader
from support.connect import Connect, avro, postgres_source
from support.pipeline import route
from support.postgres import Postgres
from support.registry import Registry
from support.waiting import wait_until

TABLES = """CREATE TABLE accounts (aid int PRIMARY KEY, bid int, abalance bigint NOT NULL);
            CREATE TABLE tellers (tid int PRIMARY KEY, bid int, tbalance bigint NOT NULL);
            CREATE TABLE branches (bid int PRIMARY KEY, bbalance bigint NOT NULL);
            CREATE TABLE history (tid int, bid int, aid int, delta bigint NOT NULL, mtime timestamp)"""
ROWS = """INSERT INTO accounts SELECT i, 1 + i % 2, 0 FROM generate_series(1, 1000) i;
          INSERT INTO tellers SELECT i, 1 + i % 2, 0 FROM generate_series(1, 20) i;
          INSERT INTO branches SELECT i, 0 FROM generate_series(1, 2) i"""
TPC_B = r"""\set aid random(1, 1000)
\set bid random(1, 2)
\set tid random(1, 20)
\set delta random(-5000, 5000)
BEGIN;
UPDATE accounts SET abalance = abalance + :delta WHERE aid = :aid;
UPDATE tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO history (tid, bid, aid, delta, mtime) VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);
END;
"""
SUMS = """SELECT (SELECT sum(abalance) FROM accounts), (SELECT sum(tbalance) FROM tellers), (SELECT sum(bbalance) FROM branches),
                 (SELECT coalesce(sum(delta), 0) FROM history)"""
KEYS = {"accounts": "aid", "tellers": "tid", "branches": "bid", "history": []}
PGBENCH = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"), default=None) or shutil.which("pgbench")


@pytest.fixture
def source():
    server = Postgres("wal_level = logical\n")
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["json", "avro"])
def format_settings(request):
    """(settings of the connector, section of the configuration)"""
    if request.param == "json":
        yield {}, ""
        return
    registry = Registry()
    try:
        yield avro(registry), f'[registry]\nurl = "{registry.url}"\n'
    finally:
        registry.remove()


def test_the_sums_of_tpc_b_agree_in_every_snapshot_of_the_target(pipeline, source, format_settings, tmp_path, seed, option):
    assert PGBENCH is not None, "pgbench is not installed"
    chance, prefix, (converter, registry_section) = random.Random(seed), f"{pipeline.name}_bank", format_settings
    with contextlib.closing(source.connect()) as here, here.cursor() as cursor:
        cursor.execute(f"{TABLES}; {ROWS}")
        pipeline.sql(TABLES)
        pipeline.kafka.create_topics({f"{prefix}.transaction": 1, **{f"{prefix}.public.{table}": 1 for table in KEYS}})
        connect = Connect(pipeline.kafka.bootstrap, {prefix: postgres_source(
            source.port, "postgres", prefix, [f"public.{table}" for table in KEYS], provide_transaction_metadata="true",
            **converter)})
        try:
            routes = "".join(route(f"{prefix}.public.{table}", f"public.{table}", key,
                                   **({} if key else {"mode": "insert"})) for table, key in KEYS.items())
            rest = f'[consistency]\ntransactions = "source"\ntopic = "{prefix}.transaction"\n{registry_section}'
            service = pipeline.service(routes, rest=rest).start()
            wait_until(lambda: pipeline.sql("SELECT count(*) FROM accounts")[0][0] == 1000
                       and pipeline.sql("SELECT count(*) FROM tellers")[0][0] == 20
                       and pipeline.sql("SELECT count(*) FROM branches")[0][0] == 2,
                       lambda: f"the snapshot did not come\n{service.tail()}\n{connect.log()[-3000:]}", 180)
            script = tmp_path / "tpc_b.sql"
            script.write_text(TPC_B, encoding="utf-8")
            transactions = option("transactions", 400)
            with Reader(pipeline.database, SUMS) as reader, subprocess.Popen(
                    [PGBENCH, "-n", "-f", script, "-c", "4", "-t", str(transactions // 4), "-R", str(option("rate", 100)), "-h",
                     "127.0.0.1", "-p", str(source.port), "-U", "app", "postgres"], stdout=subprocess.DEVNULL) as workload:
                for _ in range(option("kills", 2)):
                    seen, more = len(reader.seen), chance.randint(1, 5)
                    wait_until(lambda s=seen, m=more: len(reader.seen) >= s + m or workload.poll() is not None, service.tail, 120)
                    service.kill9()
                    service.start()
                assert workload.wait(300) == 0
                cursor.execute(SUMS)
                wanted = cursor.fetchone()
                count = transactions // 4 * 4
                wait_until(lambda: pipeline.sql("SELECT count(*) FROM history")[0][0] >= count and pipeline.sql(SUMS)[0] == wanted,
                           lambda: f"{pipeline.sql(SUMS)} is not {wanted}\n{pipeline.logs()}\n{connect.log()[-2000:]}", 180)
            assert reader.torn == [] and len(reader.seen) > 2, (reader.looks, reader.torn[:3])
            assert pipeline.sql("SELECT count(*) FROM history") == [(count,)]
            assert pipeline.dead_letters() == {}
            if converter:
                assert pipeline.sql("SELECT DISTINCT kind FROM sluice.schema") == [("AVRO",)]
            print(f"{reader.looks} looks, {len(reader.seen)} different sums, {count} transactions, {reader.torn} torn")
        finally:
            connect.remove()
