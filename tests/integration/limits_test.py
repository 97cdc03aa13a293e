"""`[limits]`: rows a second, and standbys that are waited for."""
import contextlib
import pathlib
import signal

import pytest

from support.pipeline import Database, Pipeline, encode, route, running_services
from support.postgres import Postgres
from support.standby import Standby
from support.waiting import wait_until


def rows(numbers):
    return [(None, encode({"id": number})) for number in numbers]


def test_no_more_rows_a_second_are_written_than_the_limit_says(pipeline):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())")
    topic = pipeline.topic("item", 2)
    pipeline.kafka.publish(topic, rows(range(300)))
    service = pipeline.service(route(topic, "public.item"), rest="[limits]\nrows_per_second = 100\n")
    service.start()
    pipeline.wait_caught_up(topic)
    # The last batch of at most 100 rows waits until the 200 before it have had their time; of two lanes the last ones.
    [(count, seconds)] = pipeline.sql("SELECT count(*), extract(epoch FROM max(at) - min(at)) FROM item")
    assert count == 300
    assert seconds >= 1
    assert service.stop() == 0


def test_a_reload_lifts_a_limit_while_batches_wait_for_it_and_resizes_batches(pipeline):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY)")
    topic = pipeline.topic("item", 1)
    pipeline.kafka.publish(topic, rows(range(2000)))
    service = pipeline.service(route(topic, "public.item"), postgres="lanes = 1",
                               rest="[limits]\nrows_per_second = 1\n[batch]\nrows = 900\nadaptive = false\n")
    service.start()
    wait_until(lambda: service.metrics().get('sluice_lane_limited{lane="1"}') == 1, service.tail, 60)
    path = pathlib.Path(service.config)
    path.write_text(path.read_text().replace("rows_per_second = 1", "rows_per_second = 0")
                    .replace("rows = 900", "rows = 700").replace("lanes = 1", "lanes = 2"))
    service.signal(signal.SIGHUP)
    wait_until(lambda: "need a restart" in service.log(), service.tail, 60)
    said = service.log()
    assert "limits.rows_per_second: 1 -> 0: in force" in said, said
    assert "batch.rows: 900 -> 700: in force" in said, said
    assert "postgres.lanes: 1 -> 2: needs a restart" in said, said
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT count(*) FROM item") == [(2000,)]
    assert service.stop() == 0


@pytest.fixture
def primary():
    server = Postgres()
    try:
        yield server
    finally:
        server.remove()


def ask(server, statement):
    with contextlib.closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_batches_wait_for_a_standby_that_is_too_far_behind_and_go_on_by_themselves(kafka, primary):
    database = Database(primary, "limits")
    standby = Standby(primary)
    try:
        with running_services(kafka, database) as services:
            pipeline = Pipeline(kafka, database, services)
            pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY)")
            topic = pipeline.topic("limited")
            standby.begin()
            service = pipeline.service(route(topic, "public.item"), postgres="lanes = 1",
                                       rest='[limits]\nreplica_bytes = "1MiB"\n').start()
            pipeline.kafka.publish(topic, rows(range(10)))
            pipeline.wait_caught_up(topic)
            assert ask(standby, "SELECT count(*) FROM (SELECT pg_wal_replay_pause()) paused") == 1
            wait_until(lambda: ask(standby, "SELECT pg_get_wal_replay_pause_state()") == "paused", standby.log, 60)
            pipeline.sql("CREATE TABLE other AS SELECT repeat('x', 1000) FROM generate_series(1, 4000)")
            wait_until(lambda: "every batch waits for standby" in service.log(), service.tail, 60)
            pipeline.kafka.publish(topic, rows(range(10, 20)))
            wait_until(lambda: service.metrics().get('sluice_lane_limited{lane="1"}') == 1, service.tail, 60)
            assert service.get("/healthz")[0] == 200
            assert pipeline.sql("SELECT count(*) FROM item") == [(10,)]
            ask(standby, "SELECT count(*) FROM (SELECT pg_wal_replay_resume()) resumed")
            pipeline.wait_caught_up(topic)
            assert pipeline.sql("SELECT count(*) FROM item") == [(20,)]
            wait_until(lambda: service.metrics().get('sluice_lane_limited{lane="1"}') == 0, service.tail, 60)
            assert service.stop() == 0
    finally:
        standby.remove()
