"""Where an event may be written: what it names itself is its own fault, and Sluice's tables are out of its reach."""
from support.pipeline import encode, route

OWN = ("pointer", "dead_letter", "pause", "audit", "verification", "event", "notification", "job", "schema_version")


def event(operation, schema, table, **row):
    row = row or {"id": 1}
    return encode({"op": operation, "before": row if operation in "du" else None,
                   "after": None if operation in "dt" else row,
                   "source": {"db": schema, "schema": schema, "table": table}, "ts_ms": 1})


def test_events_that_name_what_they_may_not_or_what_is_not_there_are_dead_letters(pipeline):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    topic = pipeline.topic("cdc")
    forbidden = [event(operation, "sluice", table) for table in OWN for operation in "cudt"]
    forbidden += [event("u", "pg_catalog", "pg_authid"), event("u", "other", "item"), event("c", "public", "missing")]
    pipeline.kafka.publish(topic, [(None, value) for value in forbidden])
    pipeline.kafka.publish(topic, [(None, event("c", "public", "item", id=n, name="x")) for n in range(10)])
    service = pipeline.service(route(topic, "{source.schema}.{source.table}", schemas=["public"], truncate="apply"))
    service.start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT count(*) FROM item") == [(10,)]
    letters = pipeline.sql("SELECT record_offset, sqlstate FROM sluice.dead_letter ORDER BY 1")
    assert letters == [(n, "42501") for n in range(len(forbidden) - 1)] + [(len(forbidden) - 1, "42P01")]
    assert pipeline.sql("SELECT count(*) FROM sluice.schema_version")[0][0] > 0
    pipeline.sql("CREATE TABLE missing (id bigint PRIMARY KEY)")
    pipeline.kafka.publish(topic, [(None, event("c", "public", "missing"))])
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT id FROM missing") == [(1,)], "a table is looked for again"
    assert service.stop() == 0
