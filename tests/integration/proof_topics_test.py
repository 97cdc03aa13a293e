"""`verify --deep` where several topics, or partitions, feed one table, whose order among each other nobody can repeat: what
some order makes is right, also beside truncates, `where`, versions and columns that only one topic has; damage is told.
"""
import random
import re

import pytest

from support.pipeline import encode, route
from support.sluice import run
from support.waiting import wait_until

TRUNCATE = (None, encode({"op": "t", "before": None, "after": None, "source": {}}))


def row(number, **columns):
    return b'{"id":%d}' % number, encode({"op": "u", "before": None, "after": {"id": number, **columns}, "source": {}})


def both(topics, table, **settings):
    return route(topics[0], table, **settings).replace(f'"{topics[0]}"', ", ".join(f'"{one}"' for one in topics), 1)


def verify(service):
    return run("verify", "--deep", "--config", service.config, seconds=120)


@pytest.fixture
def feed(broker, database, services):
    """feed(service, topic, *records, partition=0): publishes them, and waits until they have taken effect."""
    ends = {}

    def publish(service, topic, *records, partition=0):
        broker.publish(topic, list(records), partition)
        ends[topic, partition] = ends.get((topic, partition), 0) + len(records)
        wait_until(lambda: database.pointers().get((topic, partition)) == ends[topic, partition], service.tail)

    return publish


def test_truncates_conditions_and_columns_of_one_topic_are_no_difference_and_damage_is(broker, database, services, feed):
    database.sql("CREATE TABLE part (id bigint PRIMARY KEY, name text NOT NULL); "
                 "CREATE TABLE grown (id bigint PRIMARY KEY, up text GENERATED ALWAYS AS (id::text) STORED, name text NOT NULL); "
                 "CREATE TABLE adult (id bigint PRIMARY KEY, name text, age int)")
    divided = broker.create_topic(f"{database.name}.divided")
    grown, adult = ([broker.create_topic(f"{database.name}.{kind}_{name}") for name in ("z", "a")] for kind in ("grown", "adult"))
    service = services(route(divided, "public.part", truncate="apply")
                       + both(grown, "public.grown", evolve="columns", truncate="apply")
                       + both(adult, "public.adult", where="age >= 20 and name is not null")).start()
    feed(service, divided, row(1, name="a"))
    feed(service, divided, row(2, name="a"), TRUNCATE, partition=1)
    feed(service, divided, row(3, name="b"))
    feed(service, divided, row(5, name="d"), partition=1)
    z, a = grown
    feed(service, z, row(9, name="x"), TRUNCATE, row(1, name="a"), row(2, name="b"))
    feed(service, a, row(1, note="x", Extra=1.5), row(2, note="y"))  # lacks a column that must not be NULL
    feed(service, z, row(1, name="a2", Extra=2))
    z, a = adult
    feed(service, z, row(1, name="a", age=30), row(2, name="a", age=10), row(3, name="a", age=20))
    feed(service, a, row(1, age=25), row(2, name="b", age=40), row(3, name="b"), row(4, age=50), row(5, name="q", age=50))
    feed(service, z, row(2, age=41), row(5, age=1), row(4, name="z"))
    feed(service, a, row(5, age=99), row(6, name="q", age=20))
    assert database.sql("SELECT * FROM adult ORDER BY id") == [(1, "a", 25), (2, "b", 41), (3, "b", 20), (6, "q", 20)]
    assert database.sql("SELECT id FROM part ORDER BY id") == [(3,), (5,)]
    assert not database.dead_letters()
    good = verify(service)
    assert (good.returncode, good.stderr) == (0, ""), good
    assert len(re.findall(r"(?m)^table public\.\w+: \d+ rows expected; 0 missing, 0 changed, 0 extra", good.stdout)) == 3, good.stdout
    damage = {"DELETE FROM part WHERE id = 5": "part: (id) = (5): the row is missing",
              "INSERT INTO part VALUES (8, 'x')": "part: (id) = (8): no record of the log makes this row",
              "UPDATE part SET name = 'y' WHERE id = 3": "part: (id) = (3): the row differs in name",
              "UPDATE grown SET \"Extra\" = 9 WHERE id = 1": "grown: (id) = (1): the row differs in Extra",
              "DELETE FROM adult WHERE id = 6": "adult: (id) = (6): the row is missing",
              "UPDATE adult SET age = 19 WHERE id = 1": "adult: (id) = (1): no record of the log makes this row",
              "UPDATE adult SET name = 'y' WHERE id = 2": "adult: (id) = (2): the row differs in name"}
    for statement in damage:
        database.sql(statement)
    bad = verify(service)
    assert bad.returncode == 1 and sorted(bad.stderr.splitlines()) == sorted(f"error: table public.{told}" for told in damage.values()), bad
    assert service.stop() == 0


def test_a_column_that_one_topic_brings_is_not_null_for_lack_of_it_in_the_others(broker, database, services, feed):
    database.sql("CREATE TABLE customer (id bigint PRIMARY KEY, name text, phone text)")
    z, a = topics = [broker.create_topic(f"{database.name}.customer_{name}") for name in ("z", "a")]
    service = services(both(topics, "public.customer")).start()
    feed(service, z, row(1, name="a"), row(2, name="b"), row(3, name="c"))
    feed(service, a, row(1, phone="1"), row(2, phone="2"))
    assert verify(service).returncode == 0
    database.sql("UPDATE customer SET phone = NULL WHERE id = 2")
    bad = verify(service)
    assert (bad.returncode, bad.stderr) == (1, "error: table public.customer: (id) = (2): the row differs in phone\n"), bad
    assert service.stop() == 0


def dead(number, **before):
    return b'{"id":%d}' % number, encode({"op": "d", "before": {"id": number, **before}, "after": None, "source": {}})


def gone(number):
    return b'{"id":%d}' % number, None


# By key: the steps ("z" or "a", a record) in the order in which they are applied, and what is left of the row.
LET_IN = {
    1: ([("z", row(1, v=5, a=1, b=1)), ("a", dead(1, v=7)), ("z", row(1, v=3, b=2))], (3, None, 2)),
    2: ([("z", row(2, v=9, a=1)), ("a", gone(2)), ("a", row(2, v=3, b=2)), ("z", dead(2, v=5))], None),
    3: ([("a", row(3, v=9, a=1)), ("z", gone(3)), ("z", row(3, v=3, b=2)), ("a", dead(3, v=5))], None),
    4: ([("z", row(4, v=6, a=1, b=1)), ("a", row(4, v=7, b=3)), ("z", gone(4)), ("z", row(4, v=2, a=4)), ("a", dead(4, v=1)),
         ("a", row(4, v=3, b=8)), ("z", gone(4)), ("a", row(4, v=1, b=5)), ("z", row(4, v=2, a=6))], (2, 6, 5)),
    5: ([("z", row(5, v=6, a=1, b=1)), ("z", row(5, v=2, b=2)), ("a", row(5, v=4, a=3)), ("a", row(5, v=1, a=7))], (6, 1, 1)),
    6: ([("z", row(6, v=6, a=1)), ("z", dead(6, v=7)), ("z", row(6, v=2, b=2))], (2, None, 2)),
    7: ([("a", row(7, v=4, a=1)), ("z", dead(7, v=4)), ("z", row(7, v=5, b=1)), ("a", row(7, v=6, b=2))], (6, None, 2)),
    8: ([("z", row(8, v=8, a=1)), ("z", row(8, v=4, a=2)), ("a", dead(8, v=6)), ("a", row(8, v=7, b=2))], (8, 1, None)),
    9: ([("z", row(9, v=9, a=1)), ("z", row(9, v=6, a=2)), ("a", gone(9)), ("z", row(9, v=3, b=4))], (3, None, 4)),
}


def test_what_older_versions_deletes_let_in_is_not_provable_and_no_difference_and_damage_is(broker, database, services, feed):
    database.sql("CREATE TABLE item (id bigint PRIMARY KEY, v int, a int, b int)")
    topics = {name: broker.create_topic(f"{database.name}.{name}") for name in "za"}
    service = services(both(list(topics.values()), "public.item", version="v")).start()
    for steps, _ in LET_IN.values():
        for name, record in steps:
            feed(service, topics[name], record)
    left = {key: values for key, (_, values) in LET_IN.items() if values}
    assert {key: tuple(rest) for key, *rest in database.sql("SELECT * FROM item")} == left
    assert not database.dead_letters()
    good = verify(service)
    assert (good.returncode, good.stderr) == (0, ""), good
    assert "table public.item: 9 rows expected; 0 missing, 0 changed, 0 extra, 4 not provable" in good.stdout, good.stdout
    assert ("table public.item: 4 rows not provable, the first (id) = (1): several topics write and delete the row, and whether it is "
            "right depends on an order among them that nobody keeps\n") in good.stdout, good.stdout
    damage = {"UPDATE item SET a = 9 WHERE id = 1": "(1): the row differs in a",  # a value of no event
              "INSERT INTO item VALUES (2, 4, 1, 2)": "(2): the row differs in v",  # a version of no event
              "DELETE FROM item WHERE id = 5": "(5): the row is missing",  # nothing deletes it
              "UPDATE item SET v = 6, a = 1, b = NULL WHERE id = 6": "(6): the row differs in v, a, b",  # one topic's own order is known
              "UPDATE item SET v = 4, a = 2 WHERE id = 8": "(8): the row differs in v, a"}  # the newer one outlives each delete
    for statement in damage:
        database.sql(statement)
    bad = verify(service)
    assert bad.returncode == 1, bad
    assert sorted(bad.stderr.splitlines()) == sorted(f"error: table public.item: (id) = {told}" for told in damage.values()), bad.stderr
    assert service.stop() == 0


KINDS = ({}, {"where": "a >= 5 and b < 8"}, {"truncate": "apply"}, {"where": "a = b or c > 5", "truncate": "apply"},
         {"where": "not a is null"}, {"version": "v"}, {"version": "v", "truncate": "apply"},
         {"version": "v", "where": "a >= 3 or b is null"})


def test_no_order_of_random_events_is_called_a_difference(broker, database, services, seed, option):
    chance, plan, routes = random.Random(seed), [], ""
    for kind in KINDS:
        table = f"r{len(plan)}"
        database.sql(f"CREATE TABLE {table} (id bigint PRIMARY KEY, a int, b int, c int, v int)")
        topics = [broker.create_topic(f"{database.name}.{table}.{name}") for name in "xyz"]
        routes += both(topics, f"public.{table}", **kind)
        plan.append((kind, topics))
    service = services(routes, postgres="lanes = 3", rest="[batch]\nrows = 7\nadaptive = false\n").start()
    producer, counts = broker.producer(), {}
    for _ in range(option("events", 100)):
        for kind, topics in plan:
            topic, key = chance.choice(topics), chance.randrange(6)
            place, what = (topic, key % 2), chance.random()
            values = {name: chance.choice([None, *range(10)]) for name in "abc" if what > 0.6 or chance.random() < 0.5}
            version = {"v": chance.randrange(20)} if "version" in kind else {}
            record = row(key, **values, **version)
            if what < 0.06 or what < 0.12 and not version:
                record = gone(key)
            elif what < 0.12:
                record = dead(key, **version)
            elif what < 0.2 and "truncate" in kind:
                record = TRUNCATE
            producer.produce(place[0], key=record[0], value=record[1], partition=place[1])
            counts[place] = counts.get(place, 0) + 1
    assert producer.flush(60) == 0
    wait_until(lambda: all(database.pointers().get(place) == end for place, end in counts.items()), service.tail)
    good = verify(service)
    assert (good.returncode, good.stderr) == (0, ""), good
    changed = []
    for number in range(len(plan)):
        changed += [f"r{number}" for _ in database.sql(f"UPDATE r{number} SET b = 77 WHERE id = (SELECT min(id) FROM r{number}) RETURNING id")]
    bad = verify(service)
    assert re.findall(r"error: table public\.(r\d)", bad.stderr) == changed and changed, bad
    assert service.stop() == 0
