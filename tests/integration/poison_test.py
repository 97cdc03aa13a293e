"""Records that cannot be applied: dead letters in place, a cap on floods, and routes that stop instead."""
import random

import pytest

from support.pipeline import encode, route

TABLE = "CREATE TABLE item (id bigint PRIMARY KEY, name text NOT NULL, quantity integer CHECK (quantity >= 0))"
BAD = {  # value by the stage that must refuse it; %d is the key
    "decode": b'{"id": %d, "name": ',
    "map": b'{"id": %d, "name": "n", "quantity": "many"}',
    "write": b'{"id": %d, "name": "n", "quantity": -1}',
}


@pytest.fixture
def item(pipeline):
    """The topic of the table `item`."""
    pipeline.sql(TABLE)
    return pipeline.topic("item")


def publish(pipeline, item, count, bad):
    """bad: {offset: stage}. One record per key, all of them in one partition."""
    pipeline.kafka.publish(item, [(b"%d" % n, BAD[bad[n]] % n if n in bad else encode(
        {"id": n, "name": f"name {n}", "quantity": n})) for n in range(count)])


def run_through(pipeline, item, count, bad, **settings):
    publish(pipeline, item, count, bad)
    service = pipeline.service(route(item, "public.item", **settings)).start()
    pipeline.wait_caught_up(item)
    dead = pipeline.dead_letters()
    assert {at[2]: stage for at, (stage, _) in dead.items()} == bad
    assert all(reason for _, reason in dead.values()), "a dead letter says why"
    rows = pipeline.sql("SELECT id FROM item ORDER BY id")
    assert [row[0] for row in rows] == [n for n in range(count) if n not in bad]
    assert service.stop() == 0


def test_bad_rows_are_found_first_last_in_the_middle_and_side_by_side(pipeline, item):
    run_through(pipeline, item, 3000, {offset: "write" for offset in (0, 1, 2, 700, 1499, 1500, 1501, 2998, 2999)})


def test_every_stage_has_its_dead_letters(pipeline, item):
    chance = random.Random(7)
    run_through(pipeline, item, 5000, {chance.randrange(5000): chance.choice(list(BAD)) for _ in range(60)})


def test_a_dead_letter_keeps_the_record_and_the_reason(pipeline, item):
    pipeline.kafka.publish(item, [(b"5", BAD["write"] % 5)])
    service = pipeline.service(route(item, "public.item")).start()
    pipeline.wait_caught_up(item)
    row = pipeline.sql("SELECT key, value, table_name, sqlstate, stage FROM sluice.dead_letter")[0]
    assert (bytes(row[0]), bytes(row[1])) == (b"5", BAD["write"] % 5)
    assert row[2:] == ("public.item", "23514", "write")
    assert service.stop() == 0


def check_stopped_at(pipeline, item, service, offset):
    assert pipeline.wait_state(item, "poison")
    assert pipeline.pointers()[(item, 0)] == offset
    assert pipeline.sql("SELECT count(*), max(id) FROM item") == [(offset, offset - 1)]
    assert pipeline.dead_letters() == {}
    assert service.stop() == 0


@pytest.mark.parametrize("stage", BAD)
def test_a_route_that_stops_stops_at_exactly_the_bad_record(pipeline, item, stage):
    publish(pipeline, item, 1000, {617: stage})
    service = pipeline.service(route(item, "public.item", on_error="stop"))
    service.expected = ["poison"]
    service.start(ready=False)
    check_stopped_at(pipeline, item, service, 617)


@pytest.mark.parametrize("stage", BAD)
def test_a_flood_of_bad_records_stops_the_partition(pipeline, item, stage):
    publish(pipeline, item, 500, {offset: stage for offset in range(100, 200)})
    service = pipeline.service(route(item, "public.item", max_dead_letters=10))
    service.expected = ["poison"]
    service.start(ready=False)
    assert pipeline.wait_state(item, "poison")
    assert sorted(at[2] for at in pipeline.dead_letters()) == list(range(100, 110))
    assert pipeline.pointers()[(item, 0)] == 110
    assert service.stop() == 0
