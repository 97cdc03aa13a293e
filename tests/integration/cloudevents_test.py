"""CloudEvents of both modes in one topic, beside plain rows, as `auto` recognises them."""
from support.pipeline import encode, route

BINARY = [("ce_specversion", b"1.0"), ("ce_type", b"t"), ("ce_source", b"/s"), ("ce_id", b"e1")]


def event(**more):
    return encode({"specversion": "1.0", "type": "t", "source": "/s", "id": "e2", **more})


def test_structured_and_binary_events_become_rows_and_a_batch_a_dead_letter(pipeline):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text, event text)")
    topic = pipeline.topic("item")
    producer = pipeline.kafka.producer()
    for record in [
            {"key": b"1", "value": encode({"id": 1, "name": "binary"}), "headers": BINARY},
            {"key": b"2", "value": event(data={"id": 2, "name": "structured"})},
            {"key": b"3", "value": encode({"id": 3, "name": "plain"})},
            {"key": b"4", "value": event(iodebeziumop="c", data={"before": None, "after": {"id": 4, "name": "gone"}})},
            {"key": b"4", "value": event(iodebeziumop="d", data={"before": {"id": 4}, "after": None})},
            {"key": b"3", "value": None, "headers": BINARY},
            {"key": b"5", "value": b"[]", "headers": [("content-type", b"application/cloudevents-batch+json")]}]:
        producer.produce(topic, **record)
    assert producer.flush(30) == 0
    service = pipeline.service(route(topic, "public.item") + 'columns.add = { event = "header:ce_id" }\n')
    service.start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT id, name, event FROM item ORDER BY id") == [(1, "binary", "e1"), (2, "structured", None)]
    assert [(key[2], stage, "batches" in reason) for key, (stage, reason) in pipeline.dead_letters().items()] \
        == [(6, "decode", True)]
    assert service.stop() == 0
