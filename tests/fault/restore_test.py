"""The database goes back in time: a backup is put back, or a standby that had not received everything is promoted.

Rows and pointers go back together, so whatever is missing then has to be applied again, also while nothing new comes in: the
service must notice by itself that the pointers are not where it has left them.
"""
import itertools
import json
import os
import pathlib
import shutil
import time

import pytest

from support.pipeline import Database, Pipeline, route, running_services
from support.postgres import Postgres
from support.standby import Standby, copied

NOTICED = 60  # seconds within which an idle service sees that a pointer went back
BEFORE, AFTER = range(0, 400), range(400, 1000)
NUMBERS = itertools.count(1)


class World:
    """A pipeline on a server of its own, and a stream of numbered records into a table without a key."""

    def __init__(self, kafka, database, services):
        self.kafka, self.postgres, self.database, self.services = kafka, database.postgres, database, services
        self.pipeline = Pipeline(kafka, database, services)
        self.pipeline.sql("CREATE TABLE witness (number bigint)")
        self.topic = self.pipeline.topic("witness", 2)

    def start(self, **settings):
        return self.services(route(self.topic, "public.witness", [], mode="insert"), **settings).start()

    def publish(self, numbers):
        self.kafka.publish(self.topic, [(None, json.dumps({"number": number}).encode()) for number in numbers])
        self.pipeline.wait_caught_up(self.topic)

    def check_caught_up(self, service):
        begin = time.monotonic()
        self.pipeline.wait_caught_up(self.topic, seconds=NOTICED)
        print(f"caught up after {time.monotonic() - begin:.1f} s")
        assert self.rows() == [*BEFORE, *AFTER]
        assert service.stop() == 0

    def rows(self):
        return sorted(row[0] for row in self.pipeline.sql("SELECT number FROM witness"))


@pytest.fixture
def world(kafka):
    postgres = Postgres()
    try:
        database = Database(postgres, f"back{next(NUMBERS)}")
        with running_services(kafka, database) as services:
            yield World(kafka, database, services)
    finally:
        postgres.remove()


def test_a_backup_that_is_put_back_while_nothing_comes_in_is_caught_up_with(world):
    service = world.start()
    world.publish(BEFORE)
    taken = world.database.pointers()
    backup = os.path.join(world.postgres.dir, "backup")
    world.postgres.stop()
    copied(world.postgres, backup)
    world.postgres.start()
    world.publish(AFTER)
    world.postgres.stop("immediate")
    shutil.rmtree(world.postgres.data)
    pathlib.Path(backup).rename(world.postgres.data)
    world.postgres.start()
    world.check_caught_up(service)
    for (topic, partition), offset in taken.items():
        claims = service.log().count(f"{topic}/{partition} claimed at {offset},")
        assert claims >= 2, "after the stop for the backup, and again from there once it was put back"


def test_tables_that_are_put_back_under_a_living_connection_are_caught_up_with(world):
    """As a restore of single tables, or a failover behind a pooler: no connection is lost."""
    service = world.start()
    world.publish(BEFORE)
    world.pipeline.sql("CREATE SCHEMA backup; CREATE TABLE backup.pointer AS TABLE sluice.pointer;"
                       "CREATE TABLE backup.witness AS TABLE witness")
    world.publish(AFTER)
    world.pipeline.sql("""BEGIN; DELETE FROM witness; INSERT INTO witness TABLE backup.witness;
        UPDATE sluice.pointer p SET next_offset = b.next_offset, epoch = b.epoch, owner = b.owner, applied = b.applied,
          folded = b.folded, skipped = b.skipped, dead = b.dead, gaps = b.gaps, anchor_offset = b.anchor_offset,
          anchor_timestamp = b.anchor_timestamp, anchor_crc = b.anchor_crc
          FROM backup.pointer b WHERE (p.topic, p.partition) = (b.topic, b.partition); COMMIT""")
    world.check_caught_up(service)


def test_a_standby_that_lags_behind_is_caught_up_with_after_its_promotion(world):
    standby = Standby(world.postgres)
    try:
        url = (f"postgresql://app@127.0.0.1:{world.postgres.port},127.0.0.1:{standby.port}/{world.database.name}"
               "?target_session_attrs=read-write&connect_timeout=5")
        service = world.start(url=url)
        world.publish(BEFORE)
        standby.begin()
        standby.stop()  # what comes from now on it does not receive
        world.publish(AFTER)
        world.postgres.stop("immediate")
        standby.start()
        standby.promote()
        world.database.url = standby.url(world.database.name)
        assert world.rows() == list(BEFORE), "the standby holds what it had received"
        world.check_caught_up(service)
    finally:
        standby.remove()
