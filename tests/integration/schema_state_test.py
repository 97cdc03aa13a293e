"""What is nobody's record's fault makes no dead letters: the partition waits with state `schema` and heals by itself."""
import re

import pytest

from support.pipeline import encode, route
from support.sluice import run
from support.waiting import wait_until


def published(pipeline):
    topic = pipeline.topic("item")
    pipeline.kafka.publish(topic, [(b"%d" % n, encode({"id": n, "name": f"name {n}"})) for n in range(100)])
    return topic


def check_waits_then_heals(pipeline, topic, mention, *repair):
    service = pipeline.service(route(topic, "public.item"))
    service.expected = [r"schema"]
    service.start(ready=False)
    reason = pipeline.wait_state(topic, "schema")
    assert mention in reason
    assert pipeline.pointers()[(topic, 0)] == 0
    assert pipeline.dead_letters() == {}
    for statement in repair:
        pipeline.sql(statement)
    pipeline.wait_caught_up(topic, seconds=60)
    pipeline.wait_state(topic, "ok")
    assert pipeline.dead_letters() == {}
    assert pipeline.sql("SELECT count(*), min(name) FROM item") == [(100, "name 0")]
    assert service.stop() == 0


def test_a_missing_table_is_waited_for(pipeline):
    check_waits_then_heals(pipeline, published(pipeline), "public.item",
                           "CREATE TABLE item (id bigint PRIMARY KEY, name text)")


def test_a_missing_key_column_is_waited_for(pipeline):
    pipeline.sql("CREATE TABLE item (name text)")
    check_waits_then_heals(pipeline, published(pipeline), "id", "ALTER TABLE item ADD COLUMN id bigint PRIMARY KEY")


def test_a_unique_index_of_the_key_is_waited_for(pipeline):
    pipeline.sql("CREATE TABLE item (id bigint, name text)")
    check_waits_then_heals(pipeline, published(pipeline), "public.item", "ALTER TABLE item ADD PRIMARY KEY (id)")


@pytest.fixture
def writer(pipeline):
    """A role that may make a schema, and nothing else."""
    name = f"{pipeline.name}_writer"
    pipeline.sql(f'CREATE ROLE "{name}" LOGIN')
    pipeline.sql(f'GRANT CREATE ON DATABASE "{pipeline.name}" TO "{name}"')
    yield name
    pipeline.sql(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')


def test_a_missing_permission_is_waited_for(pipeline, writer):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    topic = published(pipeline)
    service = pipeline.service(route(topic, "public.item"), url=pipeline.url.replace("app@", f"{writer}@"))
    service.expected = [r"schema"]
    service.start(ready=False)
    assert "item" in pipeline.wait_state(topic, "schema")
    pipeline.sql(f'GRANT SELECT, INSERT, UPDATE, DELETE ON item TO "{writer}"')
    pipeline.wait_caught_up(topic, seconds=60)
    assert pipeline.sql("SELECT count(*) FROM item") == [(100,)]
    assert service.stop() == 0


def test_a_right_that_only_a_default_or_a_trigger_needs_is_waited_for(pipeline, writer):
    pipeline.sql("CREATE TABLE numbered (id bigint PRIMARY KEY, name text, n serial)")
    pipeline.sql("CREATE TABLE watched (id bigint PRIMARY KEY, name text); CREATE TABLE past (id bigint)")
    pipeline.sql("CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.past VALUES (NEW.id); RETURN NEW; END'")
    pipeline.sql("CREATE TRIGGER keep AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION keep()")
    pipeline.sql(f'GRANT SELECT, INSERT, UPDATE, DELETE ON numbered, watched TO "{writer}"')
    topics = [pipeline.topic("numbered"), pipeline.topic("watched")]
    for topic in topics:
        pipeline.kafka.publish(topic, [(b"%d" % n, encode({"id": n, "name": "a"})) for n in range(3)])
    service = pipeline.service(route(topics[0], "public.numbered") + route(topics[1], "public.watched"),
                               url=pipeline.url.replace("app@", f"{writer}@"))
    service.expected = [r"schema"]
    service.start(ready=False)
    assert f'GRANT USAGE ON SEQUENCE "numbered_n_seq" TO "{writer}"' in pipeline.wait_state(topics[0], "schema")
    assert f'past, inside a function or trigger; GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "past" TO "{writer}"' in (
        pipeline.wait_state(topics[1], "schema"))
    pipeline.sql(f'GRANT USAGE ON SEQUENCE numbered_n_seq TO "{writer}"; GRANT INSERT ON past TO "{writer}"')
    pipeline.wait_caught_up(*topics, seconds=60)
    assert pipeline.sql("SELECT (SELECT count(*) FROM numbered), (SELECT count(*) FROM past)") == [(3, 3)]
    assert pipeline.dead_letters() == {}
    assert service.stop() == 0


def test_a_role_that_may_only_read_is_told_of_and_waited_for(pipeline, writer):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    pipeline.sql(f'GRANT SELECT, INSERT, UPDATE, DELETE ON item TO "{writer}"')
    topic = published(pipeline)
    advice = f'ALTER ROLE "{writer}" RESET default_transaction_read_only'
    # The second way to the server lets libpq take a session that cannot write.
    service = pipeline.service(route(topic, "public.item"), url=pipeline.url.replace("app@", f"{writer}@") + "?target_session_attrs=any")
    service.start()
    pipeline.wait_caught_up(topic)
    pipeline.sql(f'ALTER ROLE "{writer}" SET default_transaction_read_only = on')
    done = run("check", "--config", service.config, "--connect")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and advice in done.stderr, done.stderr
    pipeline.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", writer)
    pipeline.kafka.publish(topic, [(b"100", encode({"id": 100, "name": "name"}))])
    wait_until(lambda: re.search("warning lane .: (lost the|no) connection to PostgreSQL.*" + re.escape(advice), service.log()), service.tail)
    pipeline.sql(f'ALTER ROLE "{writer}" RESET default_transaction_read_only')
    pipeline.wait_caught_up(topic, seconds=60)
    assert pipeline.sql("SELECT count(*) FROM item") == [(101,)] and pipeline.dead_letters() == {}
    assert service.stop() == 0


def test_one_table_missing_does_not_hold_up_the_others(pipeline):
    pipeline.sql("CREATE TABLE other (id bigint PRIMARY KEY, name text)")
    missing, other = published(pipeline), pipeline.topic("other")
    pipeline.kafka.publish(other, [(b"%d" % n, encode({"id": n, "name": "x"})) for n in range(100)])
    service = pipeline.service(route(missing, "public.item") + route(other, "public.other"),
                               postgres="lanes = 1")
    service.expected = [r"schema"]
    service.start(ready=False)
    pipeline.wait_caught_up(other)
    pipeline.wait_state(missing, "schema")
    assert pipeline.pointers()[(missing, 0)] == 0
    assert service.stop() == 0


def test_a_column_that_the_events_schema_has_lost_stops_the_partition_until_it_is_dropped_also_after_a_restart(pipeline):
    def event(number, *names):
        kinds = {"id": "int64", "name": "string", "age": "int32"}
        values = {"id": number, "name": "a", "age": 5}
        return None, encode({"schema": {"type": "struct", "fields": [
            {"field": name, "type": kinds[name], "optional": name != "id"} for name in ("id", *names)]},
            "payload": {name: values[name] for name in ("id", *names)}})

    pipeline.sql("CREATE TABLE person (id bigint PRIMARY KEY, name text, age int, made timestamptz DEFAULT now())")
    topic = pipeline.topic("person")
    pipeline.kafka.publish(topic, [event(1, "name", "age"), event(2, "age")])
    service = pipeline.service(route(topic, "public.person", vanished="stop", unknown_fields="ignore"))
    service.expected = [r"schema"]
    service.start()
    reason = pipeline.wait_state(topic, "schema")
    assert "column name of public.person" in reason and "columns.exclude" in reason
    assert pipeline.pointers()[(topic, 0)] == 1
    assert service.stop() == 0
    epoch = pipeline.sql("SELECT epoch FROM sluice.pointer")
    service.start()
    wait_until(lambda: pipeline.sql("SELECT epoch FROM sluice.pointer") > epoch, service.tail, 60)  # claimed anew
    wait_until(lambda: service.log().count("column name of public.person") >= 2, service.tail, 60)
    assert pipeline.wait_state(topic, "schema") == reason
    assert pipeline.sql("SELECT id FROM person") == [(1,)] and pipeline.dead_letters() == {}
    pipeline.sql("ALTER TABLE person DROP COLUMN name")
    pipeline.wait_caught_up(topic, seconds=60)
    pipeline.wait_state(topic, "ok")
    assert pipeline.sql("SELECT id, age FROM person ORDER BY id") == [(1, 5), (2, 5)]
    assert service.stop() == 0
    pipeline.sql("ALTER TABLE person ADD COLUMN nick text")
    pipeline.kafka.publish(topic, [event(3, "age")])
    service.start(ready=False)
    assert "column nick of public.person" in pipeline.wait_state(topic, "schema")
    proof = run("verify", "--deep", "--config", service.config, seconds=120)
    assert "2 rows expected; 0 missing, 0 changed, 0 extra" in proof.stdout, proof.stdout + proof.stderr
    pipeline.sql("ALTER TABLE person ALTER COLUMN nick SET DEFAULT 'none'")
    pipeline.wait_caught_up(topic, seconds=60)
    assert pipeline.sql("SELECT nick FROM person WHERE id = 3") == [("none",)]
    assert service.stop() == 0
