"""Versions of rows and soft deletes: no older event in the place of a newer one, whichever topic brings it."""
from support.pipeline import encode, route


def test_two_topics_in_any_order_leave_the_newest_version_and_older_ones_are_skipped(pipeline):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text, updated_at timestamptz, deleted_at timestamptz)")
    live, backfill = pipeline.topic("live"), pipeline.topic("backfill")

    def row(number, name, second):
        return b'{"id":%d}' % number, encode({"id": number, "name": name, "updated_at": f"2024-01-01T00:00:{second:02}Z"})

    def gone(number, second):
        before = {"id": number, "updated_at": f"2024-01-01T00:00:{second:02}Z"}
        return b'{"id":%d}' % number, encode({"op": "d", "before": before, "after": None})

    history = {"version": "updated_at", "delete": "soft:deleted_at"}
    service = pipeline.service(route(live, "public.item", **history) + route(backfill, "public.item", **history)).start()
    pipeline.kafka.publish(live, [row(1, "new", 30), row(2, "kept", 30), gone(3, 30), row(4, "four", 10)])
    pipeline.wait_caught_up(live)
    pipeline.kafka.publish(backfill, [row(1, "old", 20), gone(2, 20), row(3, "late", 20), gone(4, 10), row(5, "five", 5)])
    pipeline.wait_caught_up(backfill)
    rows = "SELECT id, name, deleted_at IS NOT NULL FROM item ORDER BY id"
    assert pipeline.sql(rows) == [(1, "new", False), (2, "kept", False), (3, None, True), (4, "four", True), (5, "five", False)]
    counts = "SELECT applied, folded, skipped FROM sluice.pointer WHERE topic = %s"
    assert pipeline.sql(counts, backfill) == [(2, 0, 3)]
    pipeline.kafka.publish(live, [row(3, "again", 40), (b'{"id":1}', None)])
    pipeline.wait_caught_up(live)
    assert pipeline.sql(rows)[:3] == [(1, "new", True), (2, "kept", False), (3, "again", False)], "undeleted; a tombstone applies"
    assert service.stop() == 0
