"""`columns` of a route: fields left out and renamed, facts of the record added; what is missing is waited for."""
from support.pipeline import encode, route
from support.sluice import run

COLUMNS = {"exclude": ["internal"], "rename": {"ID": "id", "Name": "name"}, "add": {
    "_offset": "@offset", "_op": "@op", "_at": "@timestamp", "tenant": "header:tenant", "lsn": "@source.lsn"}}


def change(op, before, after):
    return encode({"op": op, "before": before, "after": after, "source": {"lsn": 77}})


def test_rows_have_the_columns_that_the_route_says_and_a_missing_one_is_waited_for(pipeline):
    pipeline.sql("""CREATE TABLE item (id bigint PRIMARY KEY, name text, age int, _op text, _at timestamptz, tenant text,
                                       lsn bigint)""")
    topic = pipeline.topic("item")
    at = 1_700_000_000_000
    producer = pipeline.kafka.producer()
    for record in [
        {"key": encode({"ID": 1}), "value": encode({"ID": 1, "Name": "a", "internal": {}, "age": 3}), "timestamp": at,
         "headers": [("tenant", b"acme")]},
        {"key": encode({"ID": 2}), "value": change("c", None, {"ID": 2, "Name": "b"}), "timestamp": at},
        {"key": encode({"ID": 3}), "value": change("u", {"ID": 2}, {"ID": 3, "Name": "c"}), "timestamp": at},
        {"key": b"4", "value": encode({"Name": "gone"}), "timestamp": at},
        {"key": b"4", "value": None, "timestamp": at},
        {"key": b"5", "value": encode({"Name": "x", "name": "y"}), "timestamp": at},
        {"key": b"1", "value": encode({"age": 4}), "timestamp": at}]:
        producer.produce(topic, **record)
    assert producer.flush(30) == 0
    service = pipeline.service(route(topic, "public.item", columns=COLUMNS))
    service.expected = [r"schema"]
    service.start(ready=False)
    assert "_offset" in pipeline.wait_state(topic, "schema")
    check = run("check", "--connect", "--config", service.config, seconds=60)
    assert check.returncode == 1 and "column _offset for @offset does not exist in public.item" in check.stderr
    pipeline.sql("ALTER TABLE item ADD COLUMN _offset bigint")
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT id, name, age, _offset, _op, extract(epoch FROM _at)::bigint, tenant, lsn FROM item "
                        "ORDER BY id") == [(1, "a", 4, 6, "c", at // 1000, None, None),
                                           (3, "c", None, 2, "u", at // 1000, None, 77)]
    assert [(key[2], "name" in reason and "rename" in reason) for key, (_, reason) in pipeline.dead_letters().items()] \
        == [(5, True)]
    check = run("check", "--connect", "--config", service.config, seconds=60)
    assert check.returncode == 0, check.stderr
    assert "without internal; renamed ID to id, Name to name; added _at from @timestamp" in check.stdout
    assert service.stop() == 0
