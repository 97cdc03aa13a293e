"""What runs beside the service goes away and comes back: PostgreSQL, its connections, the broker."""
import random
import time

import pytest

from support.witness import Witness


@pytest.fixture
def witness(pipeline):
    stream = Witness(pipeline, 4)
    yield stream
    stream.finish()


@pytest.fixture
def service(pipeline, witness):
    """It is in the middle of the stream."""
    one = pipeline.service(witness.route()).start()
    witness.start()
    witness.wait_progress()
    return one


def test_postgresql_away_costs_no_membership_and_no_record(pipeline, witness, service, option):
    def members():
        groups = pipeline.kafka.admin.list_groups(pipeline.name, timeout=60)
        return sorted(member.id for group in groups for member in group.members)

    before = members()
    assert len(before) == 1
    pipeline.postgres.stop("immediate")
    try:
        time.sleep(option("away", 5.0))  # how long the fault lasts
        assert service.running(), service.tail()
        assert service.get("/healthz")[0] == 200, "waiting on purpose is healthy"
        assert members() == before
    finally:
        pipeline.postgres.start()
    print(f"progress {witness.wait_progress():.2f} s after PostgreSQL's return")
    witness.check()
    assert members() == before
    assert service.stop() == 0


def test_terminated_connections_lose_and_repeat_nothing(pipeline, witness, service):
    chance = random.Random(1)
    ended = 0
    for _ in range(15):
        ended += len(pipeline.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND"
                                  " pid <> pg_backend_pid()", pipeline.name))
        time.sleep(chance.random() * 0.4)  # some of them come back in between, some do not
    assert ended > 0
    witness.check()
    assert service.stop() == 0


def test_a_broker_that_restarts_is_gone_on_with(pipeline, witness, service):
    pipeline.kafka.restart()
    witness.wait_progress(120)
    pipeline.kafka.kill()
    pipeline.kafka.start()
    witness.wait_progress(120)
    witness.check()
    assert service.stop() == 0
