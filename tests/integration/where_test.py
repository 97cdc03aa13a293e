"""`where`: the table holds the rows that match, whatever a batch holds besides; what does not fit the table is waited for."""
from support.pipeline import IDENTITY, check_identity, encode, route
from support.sluice import run


def row(number, **values):
    return b'{"id":%d}' % number, encode({"id": number, **values})


def test_only_rows_that_match_reach_the_table_among_records_that_it_refuses(pipeline):
    pipeline.sql("CREATE TABLE person (id bigint PRIMARY KEY, name text, CHECK (name <> 'refused'))")
    topic = pipeline.topic("person")
    service = pipeline.service(route(topic, "public.person", where="age >= 20"))
    service.expected = [r"schema"]
    pipeline.kafka.publish(topic, [
        row(1, age=20, name="a"), row(2, age=19, name="b"), row(3, age=30, name="refused"), row(4, age=40, name="d"),
        row(5, age="not a number", name="e"), row(6, age=60, name="f"), row(4, age=4, name="d"), row(6, name="refused"),
        row(7, name="g"), row(1, name="h"), row(8, age=3, name="refused")])
    service.start(ready=False)
    assert "names the column age, which does not exist" in pipeline.wait_state(topic, "schema")
    check = run("check", "--connect", "--config", service.config, seconds=60)
    assert check.returncode == 1 and "names the column age" in check.stderr
    pipeline.sql("ALTER TABLE person ADD age int")
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT id, age, name FROM person ORDER BY id") == [(1, 20, "h"), (6, 60, "f")]
    assert sorted(key[2] for key in pipeline.dead_letters()) == [2, 4, 7], "the table refuses nothing that does not match"
    check_identity(pipeline.sql(IDENTITY))
    line = '{"key":{"id":1},"value":{"id":1,"name":"x"}}\n'
    explained = run("explain", "--config", service.config, "--topic", topic, text=line, seconds=60)
    assert "IS NOT TRUE" in explained.stdout and "accepts it; rolled back" in explained.stdout, explained.stdout + explained.stderr
    assert service.stop() == 0
