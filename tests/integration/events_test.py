"""The time line in the table `event`: every instance adds to it, each change once, and each console shows all of it."""
import contextlib
import json

import pytest

from support.console import Access
from support.pipeline import encode, route
from support.waiting import wait_until

CARD = "4111-1111"


@pytest.fixture
def consoles():
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Access()) for _ in range(2)]


def events(pipeline, *kinds):
    return pipeline.sql("SELECT kind, topic, partition, from_state, to_state, reason FROM sluice.event WHERE kind = ANY(%s) "
                        "ORDER BY id", list(kinds))


def shown(access, *words, key):
    answer = access.run(*words, "--json", key=key)
    assert answer.code == 0, answer
    return json.loads(answer.out)["data"]


def test_each_console_shows_what_happened_in_every_instance_once_and_without_data(pipeline, consoles):
    pipeline.sql("CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL, card text)")
    orders, stopping = pipeline.topic("orders", 2), pipeline.topic("stopping")
    routes = route(orders, "public.orders") + route(stopping, "public.orders", on_error="stop")
    both = [pipeline.service(routes, console=access.toml()) for access in consoles]
    for service in both:
        service.expected.append("stopped in state poison")
        service.start()
    pipeline.kafka.publish(orders, [(b"%d" % n, encode({"id": n, "status": None if n < 7 else "new", "card": CARD}))
                                    for n in range(20)])
    pipeline.kafka.publish(stopping, [(b"1000", encode({"id": 1000, "status": None, "card": CARD}))])
    pipeline.wait_state(stopping, "poison")
    wait_until(lambda: events(pipeline, "dead_letters"), pipeline.logs)
    pipeline.sql("ALTER TABLE orders ALTER status DROP NOT NULL")
    # By hand, as by an operator in any program of any version: the row's own transaction tells it.
    pipeline.sql("UPDATE sluice.pointer SET state = 'ok', state_reason = NULL WHERE topic = %s", stopping)
    pipeline.wait_caught_up(orders, stopping)
    assert [one[:5] for one in events(pipeline, "stopped", "resumed")] == [
        ("stopped", stopping, 0, "ok", "poison"), ("resumed", stopping, 0, "poison", "ok")]
    letters = events(pipeline, "dead_letters")
    assert letters[0][1] == orders and "public.orders: " in letters[0][5] and " new, the last: " in letters[0][5], letters
    assert len(events(pipeline, "started")) == 2
    for access in consoles:
        line = shown(access, "incidents", key="k_view")["incidents"]
        assert [(one["kind"], one["partition"], one["from"], one["to"]) for one in line if one["kind"] in ("stopped", "resumed")] == [
            ("resumed", f"{stopping}/0", "poison", "ok"), ("stopped", f"{stopping}/0", "ok", "poison")]
        moments = shown(access, "incident", key="k_oper")["incident"]
        assert [one["what"] for one in moments if one["kind"] == "state"] == ["ok -> poison", "poison -> ok"]
        assert [one["target"] for one in moments if one["kind"] == "dead_letters"] == [orders]
        assert CARD not in str(line) + str(moments)
    assert CARD not in str(pipeline.sql("SELECT * FROM sluice.event"))
    assert [service.stop() for service in both] == [0, 0]
    assert len(events(pipeline, "ended")) == 2


def test_what_is_old_goes_as_the_audit_trail_does_and_a_target_is_never_the_time_line(pipeline):
    pipeline.sql("CREATE TABLE orders (id bigint PRIMARY KEY)")
    orders, hostile = pipeline.topic("orders"), pipeline.topic("hostile")
    service = pipeline.service(route(orders, "public.orders") + route(hostile, "{source.schema}.{source.table}", schemas=["public"]),
                               rest='[dead_letters]\nkeep = "1h"\n')
    service.start()
    wait_until(lambda: events(pipeline, "started"), service.tail)
    pipeline.sql("INSERT INTO sluice.event (at, pipeline, instance, kind) SELECT now() - interval '2 h', %s, 'x', 'lag' "
                 "FROM generate_series(1, 1500)", pipeline.name)
    assert service.stop() == 0
    service.start()
    wait_until(lambda: not events(pipeline, "lag"), service.tail)
    assert len(events(pipeline, "started", "ended")) >= 3
    event = {"op": "c", "before": None, "after": {"id": 1}, "source": {"schema": "sluice", "table": "event"}}
    pipeline.kafka.publish(hostile, [(encode({"id": 1}), encode(event))])
    wait_until(lambda: pipeline.dead_letters(), service.tail)
    assert pipeline.sql("SELECT count(*) FROM sluice.event WHERE kind IS NULL OR instance = ''") == [(0,)]
    assert service.stop() == 0
