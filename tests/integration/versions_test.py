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


def test_two_topics_in_any_order_leave_the_children_of_the_newest_version(pipeline):
    pipeline.sql("CREATE TABLE orders (id bigint PRIMARY KEY, note text, v bigint)")
    pipeline.sql("CREATE TABLE items (order_id bigint REFERENCES orders, line int, sku text, PRIMARY KEY (order_id, line))")
    live, backfill = pipeline.topic("live"), pipeline.topic("backfill")

    def order(number, version, skus=None, **more):
        items = {} if skus is None else {"items": [{"sku": sku} for sku in skus]}
        return b'{"id":%d}' % number, encode({"id": number, "v": version, **items, **more})

    def gone(number, version):
        return b'{"id":%d}' % number, encode({"op": "d", "before": {"id": number, "v": version}, "after": None})

    child = ('[[route.child]]\npath = "items"\ntable = "public.items"\nkey = ["order_id", "line"]\n'
             'columns = { order_id = "$.id", line = "@index" }\n')
    routes = route(live, "public.orders", version="v") + child
    service = pipeline.service(routes.replace(f'"{live}"', f'"{live}", "{backfill}"')).start()
    pipeline.kafka.publish(live, [
        order(1, 30, "ab"), order(1, 31, "c"), order(2, 30, "de"), order(3, 30, "f"), order(3, 40, note="newer, without items"),
        order(4, 20, "gh"), order(5, 10, "i")])
    pipeline.wait_caught_up(live)
    pipeline.kafka.publish(backfill, [
        order(1, 20, "xyz"), gone(2, 20), order(3, 35, "x"), order(4, 20, "j"), gone(5, 15), order(6, 1, "k")])
    pipeline.wait_caught_up(backfill)
    assert pipeline.sql("SELECT id, note, v FROM orders ORDER BY id") == [
        (1, None, 31), (2, None, 30), (3, "newer, without items", 40), (4, None, 20), (6, None, 1)]
    items = "SELECT order_id, string_agg(sku, '' ORDER BY line) FROM items GROUP BY order_id ORDER BY order_id"
    assert pipeline.sql(items) == [(1, "c"), (2, "de"), (3, "f"), (4, "j"), (6, "k")]
    assert pipeline.sql("SELECT applied, folded, skipped FROM sluice.pointer WHERE topic = %s", backfill) == [(3, 0, 3)]
    pipeline.kafka.publish(live, [(b'{"id":1}', None), order(2, 50, "")])
    pipeline.wait_caught_up(live)
    assert pipeline.sql(items) == [(3, "f"), (4, "j"), (6, "k")], "a tombstone takes all along, an empty array its rows"
    assert service.stop() == 0
