"""Values that do not fit their columns: what the policies of a route make of them, and that each use is told."""
from support.pipeline import encode, route
from support.waiting import wait_until


def test_policies_change_what_postgresql_would_refuse_and_count_each_use(pipeline):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name varchar(4), doc jsonb, n int2 NOT NULL, price numeric(5,2),"
                 " born date, at timestamptz)")
    topic = pipeline.topic("item")
    pipeline.kafka.publish(topic, [
        (None, b'{"id":1,"name":"a\\u0000b","doc":{"k":["\\u0000x"]},"n":1,"price":1.5,"born":"2024-01-02","at":1700000000000}'),
        (None, b'{"id":2,"name":"\xff\xfebcdef","doc":{},"n":2,"price":123456,"born":"0000-00-00","at":0}'),
        (None, encode({"id": 3, "n": 70000})),
        (None, encode({"id": 4, "name": "fits", "n": 4, "price": 999.99}))])
    service = pipeline.service(route(topic, "public.item", nul="strip", utf8="replace", too_long="truncate",
                                     out_of_range="null", time_unit="ms")).start()
    pipeline.wait_caught_up(topic)
    rows = pipeline.sql("SELECT id, name, doc::text, n, price::text, born::text, extract(epoch FROM at)::bigint FROM item"
                        " ORDER BY id")
    assert rows == [(1, "ab", '{"k": ["x"]}', 1, "1.50", "2024-01-02", 1700000000),
                    (2, "\ufffd\ufffdbc", "{}", 2, None, None, 0),
                    (4, "fits", None, 4, "999.99", None, None)]
    assert pipeline.sql("SELECT record_offset, stage, sqlstate FROM sluice.dead_letter") == [(2, "map", "22003")], "NOT NULL"
    uses = {("name", "nul"): 1, ("name", "utf8"): 1, ("name", "too_long"): 1, ("doc", "nul"): 1, ("price", "out_of_range"): 1,
            ("born", "out_of_range"): 1, ("at", "time_unit"): 2}
    wanted = {f'sluice_values_changed_total{{table="public.item",topic="{topic}",column="{column}",policy="{policy}"}}': count
              for (column, policy), count in uses.items()}

    def told():
        return {name: value for name, value in service.metrics().items() if name.startswith("sluice_values_changed_total")}

    wait_until(lambda: told() == wanted, lambda: f"{told()}", 30)
    assert service.stop() == 0
