"""Tables that foreign keys link: in one batch parents are written first and children deleted first, whatever came first."""
import random

from support.pipeline import IDENTITY, check_identity, encode, route
from support.sluice import run
from support.waiting import wait_until


def test_children_and_parents_of_two_topics_in_one_batch_need_no_order(pipeline):
    pipeline.sql("""CREATE TABLE z_customer (id int PRIMARY KEY, name text);
                    CREATE TABLE m_order (id int PRIMARY KEY, customer int NOT NULL REFERENCES z_customer);
                    CREATE TABLE a_line (id int PRIMARY KEY, "order" int NOT NULL REFERENCES m_order)""")
    topics = {name: pipeline.topic(name) for name in ("a_line", "m_order", "z_customer")}
    rows = 10

    def publish(name, *records):
        pipeline.kafka.publish(topics[name], [(encode({"id": key}), value and encode({"id": key, **value})) for key, value in records])

    # A batch is due when all that was published is in it.
    service = pipeline.service("".join(route(topic, f"public.{name}") for name, topic in topics.items()),
                               rest=f'[batch]\nrows = {rows}\nadaptive = false\nlinger = "10s"\n', postgres="lanes = 1\n")
    publish("a_line", (1, {"order": 1}), (2, {"order": 2}), (3, {"order": 3}))
    publish("m_order", (1, {"customer": 1}), (2, {"customer": 2}), (3, {"customer": 2}))
    publish("z_customer", (1, {"name": "a"}), (2, {"name": "b"}), (3, {"name": "c"}), (4, {"name": "d"}))
    service.start()
    for topic in topics.values():
        pipeline.wait_caught_up(topic)
    assert pipeline.sql('SELECT l.id, o.id, c.id FROM a_line l JOIN m_order o ON o.id = l."order" JOIN z_customer c '
                        "ON c.id = o.customer ORDER BY 1") == [(1, 1, 1), (2, 2, 2), (3, 3, 2)]
    # Customer 2 goes: one of its orders goes with its lines, the other one now belongs to a new customer.
    assert service.stop() == 0  # what was published before the start is in one batch
    publish("z_customer", (2, None), (5, {"name": "e"}), (4, None))
    publish("m_order", (2, None), (3, {"customer": 5}), (4, {"customer": 5}))
    publish("a_line", (2, None), (4, {"order": 4}), (5, {"order": 3}), (1, {"order": 3}))
    service.start()
    for topic in topics.values():
        pipeline.wait_caught_up(topic)
    assert pipeline.sql('SELECT l.id, o.id, c.id FROM a_line l JOIN m_order o ON o.id = l."order" JOIN z_customer c '
                        "ON c.id = o.customer ORDER BY 1") == [(1, 3, 5), (3, 3, 5), (4, 4, 5), (5, 3, 5)]
    assert pipeline.sql("SELECT id FROM z_customer ORDER BY 1") == [(1,), (3,), (5,)]
    assert not pipeline.dead_letters()
    check_identity(pipeline.sql(IDENTITY))
    assert service.stop() == 0


def test_a_child_waits_for_its_parent_of_another_topic_and_an_orphan_becomes_a_dead_letter_after_the_time(pipeline):
    pipeline.sql("""CREATE TABLE parent (id int PRIMARY KEY);
                    CREATE TABLE child (id int PRIMARY KEY, parent int NOT NULL REFERENCES parent);
                    CREATE TABLE late (id int PRIMARY KEY, parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)""")
    parents, children, late = (pipeline.topic(name) for name in ("parent", "child", "late"))

    def publish(topic, *rows):
        pipeline.kafka.publish(topic, [(encode({"id": row["id"]}), encode(row)) for row in rows])

    def routes(limit):
        return (route(parents, "public.parent") + route(children, "public.child", fk_wait=limit) +
                route(late, "public.late", fk_wait=limit))

    def waits(topic, offset):
        line = f"{topic}/0: offset {offset} waits for a row of another topic"
        wait_until(lambda: line in service.log(), lambda: f"no line {line!r}\n{pipeline.logs()}")

    service = pipeline.service(routes("600s"), postgres="lanes = 1\n")
    publish(parents, {"id": 1})
    publish(children, {"id": 1, "parent": 1}, {"id": 2, "parent": 2}, {"id": 3, "parent": 1})
    publish(late, {"id": 1, "parent": 3})
    service.start()
    waits(children, 1)
    waits(late, 0)
    wait_until(lambda: pipeline.pointers().get((children, 0)) == 1, pipeline.logs)
    publish(parents, {"id": 4})  # its lane goes on
    pipeline.wait_caught_up(parents)
    assert pipeline.sql("SELECT id FROM child ORDER BY 1") == [(1,)]
    assert pipeline.state(children)[0] == "ok" and not pipeline.dead_letters()
    publish(parents, {"id": 2}, {"id": 3})
    pipeline.wait_caught_up(parents, children, late)
    assert pipeline.sql("SELECT id FROM child ORDER BY 1") == [(1,), (2,), (3,)]
    assert pipeline.sql("SELECT id FROM late") == [(1,)]
    assert not pipeline.dead_letters()
    assert service.stop() == 0

    service = pipeline.service(routes("1s"), postgres="lanes = 1\n")
    publish(children, {"id": 7, "parent": 99}, {"id": 8, "parent": 1})
    publish(late, {"id": 7, "parent": 99}, {"id": 8, "parent": 1})
    service.start()
    pipeline.wait_caught_up(children, late)
    assert sorted(pipeline.dead_letters()) == sorted([(children, 0, 3), (late, 0, 1)])
    assert pipeline.sql("SELECT DISTINCT sqlstate FROM sluice.dead_letter") == [("23503",)]
    assert pipeline.sql("SELECT child.id, late.id FROM child JOIN late USING (id) WHERE id > 6") == [(8, 8)]
    assert service.stop() == 0


def test_a_history_that_was_valid_at_its_source_comes_out_equal_over_several_topics(pipeline):
    """Every event goes to the topic of its table, so that all order between tables is lost on the way. What others refer to stays."""
    seed, events = 20261126, 160
    chance = random.Random(seed)
    tables = {"customer": None, "orders": "customer", "line": "orders", "node": "node"}
    for table, parent in tables.items():
        reference = f", up int REFERENCES {parent}" if parent else ", up int"
        pipeline.sql(f"CREATE TABLE {table} (id int PRIMARY KEY{reference}, note int)")
    topics = {table: pipeline.topic(table, partitions=2) for table in tables}
    rows = {table: {} for table in tables}
    histories = {table: [] for table in tables}
    for number in range(events):
        table, key = chance.choice(list(tables)), chance.randrange(8)
        parent = tables[table]
        if chance.random() < 0.3 and table == "line":
            rows[table].pop(key, None)
            histories[table].append((encode({"id": key}), None))
        else:
            known = [None, *rows[parent]] if parent else [None]
            rows[table][key] = (chance.choice(known), number)
            up, note = rows[table][key]
            histories[table].append((encode({"id": key}), encode({"id": key, "up": up, "note": note})))
    service = pipeline.service("".join(route(topics[table], f"public.{table}", fk_wait="600s") for table in tables),
                               rest="[batch]\nrows = 10\nadaptive = false\n", postgres="lanes = 2\n").start()
    while any(histories.values()):
        table = chance.choice([table for table, left in histories.items() if left])
        count = chance.randrange(1, 20)
        pipeline.kafka.publish(topics[table], histories[table][:count])
        del histories[table][:count]
    pipeline.wait_caught_up(*topics.values())
    for table in tables:
        found = {key: (up, note) for key, up, note in pipeline.sql(f"SELECT id, up, note FROM {table}")}
        assert found == rows[table], f"{table}, seed {seed}\n{pipeline.logs()}"
    assert not pipeline.dead_letters()
    assert service.stop() == 0


def test_check_tells_which_tables_foreign_keys_link_in_a_circle(pipeline):
    pipeline.sql("""CREATE TABLE hen (id int PRIMARY KEY, egg int);
                    CREATE TABLE egg (id int PRIMARY KEY, hen int REFERENCES hen);
                    ALTER TABLE hen ADD CONSTRAINT of_egg FOREIGN KEY (egg) REFERENCES egg""")
    hens, eggs = pipeline.topic("hen"), pipeline.topic("egg")
    service = pipeline.service(route(hens, "public.hen") + route(eggs, "public.egg"))

    def warnings():
        done = run("check", "--connect", "--config", service.config)
        assert done.returncode == 0, done.stderr
        return [line for line in done.stderr.splitlines() if "foreign keys" in line]

    assert len(warnings()) == 1
    assert 'foreign keys lead from "public"."hen", "public"."egg" back to where they begin' in warnings()[0]
    pipeline.sql("ALTER TABLE hen ALTER CONSTRAINT of_egg DEFERRABLE")
    assert not warnings()
