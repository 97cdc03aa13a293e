"""What happens in PostgreSQL behind a running service's back: tables are altered or locked, values are refused with codes that
also mean something else, pointers go back. No record suffers from it that is not at fault itself.
"""
import contextlib
import time

import psycopg2

from support.pipeline import encode, route
from support.waiting import wait_until

PATIENCE = 60  # seconds, for what is quick where nothing else runs

# name -> (the table, a first event, what is done to the table, an event that needs it, what must be in the table then)
ALTERED = {
    "added": ("(id int PRIMARY KEY, a text)", {"a": "x"}, "ADD COLUMN note text", {"a": "x", "note": "n"}, "note = 'n'"),
    "wider_int": ("(id int PRIMARY KEY, a int)", {"a": 1}, "ALTER a TYPE bigint", {"a": 3 * 10**9}, "a = 3000000000"),
    "wider_text": ("(id int PRIMARY KEY, a varchar(5))", {"a": "x"}, "ALTER a TYPE varchar(50)", {"a": "y" * 20},
                   "length(a) = 20"),
    "wider_numeric": ("(id int PRIMARY KEY, a numeric(5,2))", {"a": 1.5}, "ALTER a TYPE numeric(20,2)",
                      {"a": 123456789.25}, "a = 123456789.25"),
    "other_type": ("(id int PRIMARY KEY, a int)", {"a": 1}, "ALTER a TYPE text USING a::text", {"a": "word"}, "a = 'word'"),
    "no_enum": ("(id int PRIMARY KEY, a mood)", {"a": "ok"}, "ALTER a TYPE text", {"a": "furious"}, "a = 'furious'"),
    "nullable": ("(id int PRIMARY KEY, a text NOT NULL)", {"a": "x"}, "ALTER a DROP NOT NULL", {"a": None}, "a IS NULL"),
    "renamed": ("(id int PRIMARY KEY, a text)", {"a": "x"}, "RENAME a TO b", {"b": "y"}, "b = 'y'"),
    "free": ("(id int PRIMARY KEY, a int CHECK (a < 10))", {"a": 1}, "DROP CONSTRAINT free_a_check", {"a": 11}, "a = 11"),
    "key": ("(id int PRIMARY KEY, a int)", {"a": 1}, "DROP CONSTRAINT key_pkey, ADD PRIMARY KEY (id)", {"a": 2}, "a = 2"),
    # What PostgreSQL would take as the column was before: nothing is refused, and digits are lost.
    "digits": ("(id int PRIMARY KEY, a real)", {"a": 1.5}, "ALTER a TYPE double precision", {"a": 1.1}, "a::text = '1.1'"),
    "scale": ("(id int PRIMARY KEY, a numeric(6,2))", {"a": 1.5}, "ALTER a TYPE numeric(10,4)", {"a": 1.2345}, "a = 1.2345"),
    "fraction": ("(id int PRIMARY KEY, a timestamp(0))", {"a": "2020-01-01T00:00:00"}, "ALTER a TYPE timestamp(6)",
                 {"a": "2020-01-01T00:00:00.123456"}, "a::text = '2020-01-01 00:00:00.123456'"),
    "hours": ("(id int PRIMARY KEY, a date)", {"a": "2020-01-01"}, "ALTER a TYPE timestamp", {"a": "2020-01-01T12:00:00"},
              "a::text = '2020-01-01 12:00:00'"),
    "padded": ("(id int PRIMARY KEY, a char(5))", {"a": "a"}, "ALTER a TYPE text", {"a": "a  "}, "length(a) = 3"),
    "ignored": ("(id int PRIMARY KEY, a text)", {"a": "x", "note": "0"}, "ADD COLUMN note text", {"note": "n"}, "note = 'n'"),
}


def test_a_table_altered_while_it_runs_is_used_as_it_is_from_the_next_record_on(pipeline):
    pipeline.sql("CREATE TYPE mood AS ENUM ('ok')")
    topics = {name: pipeline.topic(name) for name in ALTERED}
    for name, (table, first, *_) in ALTERED.items():
        pipeline.sql(f"CREATE TABLE {name} {table}")
        pipeline.kafka.publish(topics[name], [(b"1", encode({"id": 1, **first}))])
    routes = "".join(route(topic, f"public.{name}", unknown_fields="ignore" if name == "ignored" else "reject")
                     for name, topic in topics.items())
    service = pipeline.service(routes).start()
    pipeline.wait_caught_up(*topics.values())
    for name, (_, _, change, second, _) in ALTERED.items():
        pipeline.sql(f"ALTER TABLE {name} {change}")
        pipeline.kafka.publish(topics[name], [(b"2", encode({"id": 2, **second}))])
    pipeline.wait_caught_up(*topics.values())
    assert pipeline.dead_letters() == {}
    for name, (*_, found) in ALTERED.items():
        assert pipeline.sql(f"SELECT {found} FROM {name} WHERE id = 2") == [(True,)], name
    # A new NOT NULL is the record's fault, and is not tried for ever.
    pipeline.sql("ALTER TABLE added ADD COLUMN must int NOT NULL DEFAULT 1")
    pipeline.kafka.publish(topics["added"], [(b"3", encode({"id": 3, "must": None})), (b"4", encode({"id": 4}))])
    pipeline.sql("DROP TABLE key; CREATE TABLE key (b text, a bigint, id bigint PRIMARY KEY)")
    pipeline.kafka.publish(topics["key"], [(b"5", encode({"id": 5, "a": 5 * 10**9, "b": "made anew"}))])
    pipeline.wait_caught_up(topics["added"], topics["key"])
    assert [at[2] for at in pipeline.dead_letters()] == [2]
    assert pipeline.sql("SELECT count(*) FROM added") == [(3,)]
    assert pipeline.sql("SELECT * FROM key") == [("made anew", 5 * 10**9, 5)]
    assert service.stop() == 0


# Nothing is refused either, and each value goes where its name was. No other table is altered beside them: who describes one
# anew describes all.
EXCHANGED = {  # name -> (what makes the type of its column, the type, a value that names one and two, what must be true of it)
    "plain": ("CREATE TYPE {0} AS (one int, two int)", "{0}", {"one": 1, "two": 2}, "(v).one = 1 AND (v).two = 2"),
    "narrow": ("CREATE TYPE {0} AS (one int, two int); CREATE DOMAIN {0}_domain AS {0}", "{0}_domain", {"one": 1, "two": 2},
               "(v).one = 1 AND (v).two = 2"),
    "many": ("CREATE TYPE {0} AS (one int, two int)", "{0}[]", [{"one": 1, "two": 2}], "(v[1]).one = 1 AND (v[1]).two = 2"),
    "inner": ("CREATE TYPE {0} AS (one int, two int); CREATE TYPE {0}_outer AS (many {0}[])", "{0}_outer",
              {"many": [{"one": 1, "two": 2}]}, "((v).many[1]).one = 1 AND ((v).many[1]).two = 2"),
}


def test_attributes_that_exchange_their_names_are_followed_from_the_next_record_on(pipeline):
    topics = {name: pipeline.topic(f"exchanged_{name}") for name in EXCHANGED}
    for name, (types, kind, *_) in EXCHANGED.items():
        pipeline.sql(f"{types}; CREATE TABLE exchanged_{name} (id int PRIMARY KEY, v {kind})".format(f"pair_{name}"))
    service = pipeline.service("".join(route(topic, f"public.exchanged_{name}") for name, topic in topics.items())).start()
    for name, (_, _, value, found) in EXCHANGED.items():
        for n in range(2):  # before and after
            if n == 1:
                pipeline.sql("BEGIN; ALTER TYPE {0} RENAME ATTRIBUTE one TO spare; ALTER TYPE {0} RENAME ATTRIBUTE two TO one; "
                             "ALTER TYPE {0} RENAME ATTRIBUTE spare TO two; COMMIT".format(f"pair_{name}"))
            pipeline.kafka.publish(topics[name], [(b"%d" % n, encode({"id": n, "v": value}))])
            pipeline.wait_caught_up(topics[name])
        assert pipeline.sql(f"SELECT {found} FROM exchanged_{name} WHERE id = 1") == [(True,)], name
    assert pipeline.dead_letters() == {}
    assert service.stop() == 0


REFUSED = {  # name -> (type of the column, a value that it takes, one that it refuses with a code of another class)
    "words": ("tsvector", "a b", "'unfinished"),
    "named": ("regclass", "pg_class", "no_such_table"),
    "typed": ("regtype", "int4", "no_such_type"),
    "jsonway": ("jsonpath", "$.a", "$."),
    "raised": ("text", "good", "ZZ001"),
    **{f"raised_{code.lower()}": ("text", "good", code) for code in ("57P01", "08006", "SL001", "F0000")},
}


def test_a_value_refused_with_a_code_that_also_means_the_schema_is_its_records_fault(pipeline):
    topics = {name: pipeline.topic(name) for name in REFUSED}
    pipeline.sql("""CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                      IF NEW.v <> 'good' THEN RAISE 'a code of its own' USING ERRCODE = NEW.v; END IF; RETURN NEW; END $$""")
    for name, (kind, good, bad) in REFUSED.items():
        pipeline.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, v {kind})")
        if name.startswith("raised"):
            pipeline.sql(f"CREATE TRIGGER complain BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION complain()")
        pipeline.kafka.publish(topics[name], [(b"%d" % n, encode({"id": n, "v": bad if n == 3 else good})) for n in range(6)])
    service = pipeline.service("".join(route(topic, f"public.{name}") for name, topic in topics.items()), postgres="lanes = 1")
    service.start()
    pipeline.wait_caught_up(*topics.values(), seconds=PATIENCE)
    assert {(at[0], at[2]) for at in pipeline.dead_letters()} == {(topic, 3) for topic in topics.values()}
    for name in REFUSED:
        assert pipeline.sql(f"SELECT array_agg(id ORDER BY id) FROM {name}") == [([0, 1, 2, 4, 5],)]
    assert service.stop() == 0


def test_a_child_before_its_parent_is_written_also_beside_a_bad_record(pipeline):
    topic = pipeline.topic("node")
    pipeline.sql("CREATE TABLE node (id int PRIMARY KEY CHECK (id > 0), parent int REFERENCES node DEFERRABLE INITIALLY DEFERRED)")
    events = [{"id": 1, "parent": 2}, {"id": 2}, {"id": 3, "parent": 99}, {"id": -1}, {"id": 4, "parent": 5}, {"id": 5}]
    pipeline.kafka.publish(topic, [(b"%d" % event["id"], encode(event)) for event in events])
    service = pipeline.service(route(topic, "public.node")).start()
    pipeline.wait_caught_up(topic)
    assert sorted(at[2] for at in pipeline.dead_letters()) == [2, 3]
    assert pipeline.sql("SELECT array_agg(id ORDER BY id) FROM node") == [([1, 2, 4, 5],)]
    assert service.stop() == 0


def publish_items(pipeline, topic, numbers):
    pipeline.kafka.publish(topic, [(b"%d" % n, encode({"id": n})) for n in numbers])


def test_an_idle_service_notices_within_ten_seconds_that_rows_and_pointer_went_back(pipeline):
    items = pipeline.topic("item")
    pipeline.sql("CREATE TABLE item (id int PRIMARY KEY)")
    publish_items(pipeline, items, range(60))
    service = pipeline.service(route(items, "public.item")).start()
    pipeline.wait_caught_up(items)
    pipeline.sql("CREATE TABLE older AS TABLE sluice.pointer")
    publish_items(pipeline, items, range(60, 100))
    pipeline.wait_caught_up(items)

    def seconds_until_noticed():
        # As after a restore behind a pooler: no connection is lost, and no record comes.
        pipeline.sql("BEGIN; DELETE FROM item WHERE id >= 60; DELETE FROM sluice.pointer;"
                     " INSERT INTO sluice.pointer SELECT * FROM older; COMMIT")
        begun = time.monotonic()
        wait_until(lambda: pipeline.sql("SELECT count(*) FROM item") == [(100,)], pipeline.logs, PATIENCE)
        return time.monotonic() - begun

    # Looks that are too rare make every attempt slow, a busy machine some of them.
    assert any(seconds_until_noticed() < 10 for _ in range(5))
    pipeline.wait_caught_up(items)
    assert pipeline.dead_letters() == {}
    assert service.stop() == 0


def test_a_locked_table_holds_up_no_other_table_and_says_who_holds_it(pipeline):
    items, other = pipeline.topic("item"), pipeline.topic("other")
    pipeline.sql("CREATE TABLE item (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)")
    publish_items(pipeline, items, range(100))
    service = pipeline.service(route(items, "public.item") + route(other, "public.other"), postgres="lanes = 1")
    service.start()
    pipeline.wait_caught_up(items)
    with contextlib.closing(psycopg2.connect(pipeline.url, application_name="nightly vacuum")) as holder:
        holder.cursor().execute("LOCK TABLE item IN EXCLUSIVE MODE")
        pipeline.kafka.publish(items, [(None, encode({"id": 1000}))])
        wait_until(lambda: "nightly vacuum" in service.log(), pipeline.logs)
        took = []
        for number in range(5):
            begun = time.monotonic()
            pipeline.kafka.publish(other, [(b"%d" % number, encode({"id": number}))])
            pipeline.wait_caught_up(other)
            took.append(time.monotonic() - begun)
        assert sorted(took)[1] < 4, took  # a busy machine makes some slow, a lock that is waited for all of them
        wait_until(lambda: any(value > 0 for name, value in service.metrics().items() if name.startswith("sluice_lane_waiting_seconds")),
                   lambda: service.get("/metrics")[1])
        assert pipeline.sql("SELECT count(*) FROM item WHERE id = 1000") == [(0,)]
        holder.rollback()
    pipeline.wait_caught_up(items, seconds=60)
    assert service.stop() == 0
