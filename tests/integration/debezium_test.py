"""Recorded Debezium events, through Kafka, against a source database with the history that they were recorded from."""
import contextlib
import json
import pathlib

import pytest

from support.pipeline import encode, route

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "debezium"
KEYS = {"everything": ["id"], "pair": ["a", "b"], "bigtext": ["id"]}


@pytest.fixture
def source(pipeline):
    """A connection to the source, which has had its history."""
    tables, history = (DATA / "tables.sql").read_text(), (DATA / "history.sql").read_text()
    pipeline.postgres.create_database(f"{pipeline.name}_source")
    pipeline.sql(tables)
    with contextlib.closing(pipeline.postgres.connect(f"{pipeline.name}_source")) as connection:
        with connection.cursor() as cursor:
            cursor.execute(tables)
            cursor.execute(history)
        yield connection


def stream(pipeline, suffix):
    topics = {}
    for table in KEYS:
        topics[table] = pipeline.topic(f"shop.public.{table}")
        lines = [json.loads(line) for line in (DATA / f"{table}{suffix}.ndjson").read_text().splitlines()]
        pipeline.kafka.publish(topics[table], [(encode(line["key"]), encode(line["value"])) for line in lines])
    routes = "".join(route(topics[table], f"public.{table}", key, truncate="apply") for table, key in KEYS.items())
    pipeline.service(routes).start()
    pipeline.wait_caught_up(*topics.values())
    return topics


def rows(table, sql):
    return [row[0] for row in sql(f"SELECT row_to_json(whole)::text FROM {table} whole ORDER BY {', '.join(KEYS[table])}")]


def source_rows(table, source):
    def sql(text):
        with source.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall()
    return rows(table, sql)


def test_with_schemas_every_table_equals_the_source(pipeline, source):
    stream(pipeline, "-schema")
    assert pipeline.dead_letters() == {}
    for table in KEYS:
        assert rows(table, pipeline.sql) == source_rows(table, source), table
        assert len(rows(table, pipeline.sql)) > 0


def test_without_schemas_what_is_not_exact_is_refused_and_the_rest_equals_the_source(pipeline, source):
    topics = stream(pipeline, "")
    for table in ("pair", "bigtext"):
        assert rows(table, pipeline.sql) == source_rows(table, source), table
    dead = pipeline.dead_letters()
    assert {at[0] for at in dead} == {topics["everything"]}, "only its decimals and dates have no exact form"
    wanted = source_rows("everything", source)
    for row in rows("everything", pipeline.sql):
        assert row in wanted
