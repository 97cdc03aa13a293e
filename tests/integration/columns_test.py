"""`columns` of a route: fields left out and renamed, facts of the record added; what is missing is waited for."""
import json

from support.pipeline import encode, route
from support.sluice import run

COLUMNS = {"exclude": ["internal"], "rename": {"ID": "id", "Name": "name"}, "add": {
    "_offset": "@offset", "_op": "@op", "_at": "@timestamp", "tenant": "header:tenant", "lsn": "@source.lsn"}}


def change(op, before, after):
    return encode({"op": op, "before": before, "after": after, "source": {"lsn": 77}})


def change_value(op, after):
    return {"op": op, "before": None, "after": after, "source": {"lsn": 1}}


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


def test_nested_objects_have_columns_of_their_own_whatever_the_batch(pipeline):
    pipeline.sql("CREATE TABLE person (id bigint PRIMARY KEY, address_city text, address_geo_lat numeric, tags jsonb)")
    topic = pipeline.topic("person")
    geo = {"lat": 48.4}
    pipeline.kafka.publish(topic, [(None, encode(value)) for value in [
        {"id": 1, "address": {"city": "Ulm", "geo": geo}, "tags": [{"a": 1}]},
        change_value("c", {"id": 2, "address": {"city": "Bonn", "geo": geo}}),
        {"id": 3, "address": {"city": "Köln", "geo": geo}},
        {"id": 2, "address": {"geo": None}},
        {"id": 3, "address": None},
        {"id": 1, "tags": []},
        {"id": 4, "address": {"city": "Trier", "phone": {"home": "1"}}},
        {"id": 5, "address": {"city": "a"}, "address_city": "b"}]])
    service = pipeline.service(route(topic, "public.person", flatten="_", evolve="columns", filter="address.city <> 'x' or "
                                     "address.city is null")).start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT id, address_city, address_geo_lat::float, tags, address_phone_home FROM person ORDER BY id") == [
        (1, "Ulm", 48.4, [], None), (2, "Bonn", None, None, None), (3, None, None, None, None), (4, "Trier", None, None, "1")]
    assert [(key[2], "value.address.city has become by flatten" in reason) for key, (_, reason) in pipeline.dead_letters().items()] \
        == [(7, True)]
    explained = run("explain", "--config", service.config, "--topic", topic, "--dry", seconds=60,
                    text=json.dumps({"key": None, "value": {"id": 9, "address": {"city": "Jena"}}}))
    assert "address_city" in explained.stdout and "Jena" in explained.stdout, explained.stdout + explained.stderr
    proof = run("verify", "--deep", "--config", service.config, seconds=120)
    assert proof.returncode == 0, proof.stdout + proof.stderr
    assert service.stop() == 0
