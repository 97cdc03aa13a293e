"""One event, several tables: routes that continue, and arrays that become rows of tables of children."""
import json
import random
import threading

from support.pipeline import IDENTITY, check_identity, encode, route
from support.sluice import run
from support.waiting import wait_until

PARTITIONS = 4
CHILD = """
[[route.child]]
path = "items"
table = "public.order_items"
key = ["order_id", "line"]
columns = { order_id = "$.id", line = "@index" }
"""


def make_tables(pipeline):
    pipeline.sql("CREATE TABLE orders (id bigint PRIMARY KEY, note text)")
    pipeline.sql("CREATE TABLE order_items (order_id bigint REFERENCES orders, line int, sku text, n int, "
                 "PRIMARY KEY (order_id, line))")
    pipeline.sql("CREATE TABLE last_notes (note text PRIMARY KEY CHECK (note <> 'refused'), id int)")


def routes(topic):
    """The orders with their items, and another table that has of each note its last order."""
    return (route(topic, "public.orders", **{"continue": True}) + CHILD
            + route(topic, "public.last_notes", "note", key_from="record_value", unknown_fields="ignore",
                    delete="ignore", filter="note is not null"))


class Documents(threading.Thread):
    """Produces random orders to all partitions until told to stop, and knows what must come of them."""

    def __init__(self, kafka, topic, least, seed):
        super().__init__()
        self.kafka, self.topic, self.least = kafka, topic, least
        self.chance = random.Random(seed)
        self.orders, self.items, self.dead = {}, {}, 0
        self.produced = 0
        self.enough, self.error = threading.Event(), None

    def run(self):
        try:
            producer = self.kafka.producer()
            while not self.enough.is_set() or self.produced < self.least:
                for _ in range(500 if self.produced < self.least else 50):
                    self.one(producer)
                assert not producer.flush(60), "the broker takes nothing"
                self.enough.wait(0.05)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def one(self, producer):
        key, chance = self.chance.randrange(200), self.chance
        self.produced += 1
        document = {"id": key}
        if chance.random() < 0.1:
            document = None
            self.orders.pop(key, None)
            self.items.pop(key, None)
        elif chance.random() < 0.01:
            document["items"] = [{"sku": "x"}, {"sku": "y", "n": "many"}]
            self.dead += 1
        else:
            document["note"] = f"note {self.produced}"
            what = chance.random()
            if what < 0.1:
                document["items"] = None
            elif what < 0.8:
                document["items"] = [{"sku": f"s{chance.randrange(50)}", "n": chance.randrange(9)}
                                     for _ in range(chance.randrange(5))]
            self.orders[key] = document["note"]
            if "items" in document:
                self.items[key] = document["items"] or []
        producer.produce(self.topic, partition=key % PARTITIONS, key=json.dumps({"id": key}).encode(),
                         value=encode(document))

    def rows(self):
        return {(key, line, item["sku"], item["n"]) for key, items in self.items.items()
                for line, item in enumerate(items, 1)}


def test_killed_services_leave_the_children_that_the_last_documents_name(pipeline, option, seed):
    kills, chance = 10, random.Random(seed)
    make_tables(pipeline)
    topic = pipeline.topic("orders", PARTITIONS)
    service = pipeline.service(routes(topic), kafka='instance = "one"')
    documents = Documents(pipeline.kafka, topic, option("events", 6000), seed)
    documents.start()
    middle = 0
    try:
        for _ in range(kills):
            before = sum(pipeline.pointers().values())
            service.start(ready=False)
            wait_until(lambda: sum(pipeline.pointers().values()) > before or not service.running(), service.tail, 90,
                       every=0.01)
            documents.enough.wait(chance.random() * 0.3)
            assert service.running(), service.tail()
            service.kill9()
            middle += sum(pipeline.pointers().values()) < documents.produced
    finally:
        documents.enough.set()
        documents.join()
    assert documents.error is None
    service.start()
    pipeline.wait_caught_up(topic, seconds=120 + documents.produced // 1000)
    print(f"{kills} kills, {middle} in the middle of the stream; {documents.produced} documents")
    assert dict(pipeline.sql("SELECT id, note FROM orders")) == documents.orders
    assert set(pipeline.sql("SELECT order_id, line, sku, n FROM order_items")) == documents.rows()
    assert len(pipeline.dead_letters()) == documents.dead
    assert set(documents.orders.values()) <= {note for note, in pipeline.sql("SELECT note FROM last_notes")}
    good = run("verify", "--deep", "--config", service.config, seconds=120)
    assert good.returncode == 0, good.stdout + good.stderr
    for table in ("orders", "order_items", "last_notes"):
        assert f"table public.{table}:" in good.stdout, good.stdout
    assert service.stop() == 0


def test_one_event_fills_the_tables_of_all_its_routes_or_none(pipeline):
    make_tables(pipeline)
    topic = pipeline.topic("orders")
    service = pipeline.service(routes(topic))
    check = run("check", "--connect", "--config", service.config, seconds=60)
    assert check.returncode == 0, check.stdout + check.stderr
    assert "each of items -> public.order_items (key order_id, line)" in check.stdout
    assert "-> public.last_notes" in check.stdout
    pipeline.kafka.publish(topic, [
        (b'{"id":1}', encode({"id": 1, "note": "a", "items": [{"sku": "x", "n": 1}, {"sku": "y", "n": 2}]})),
        (b'{"id":2}', encode({"id": 2, "note": "b", "items": [{"sku": "x"}, 7]})),  # no order, no item, no note
        (b'{"id":99999999999}', encode({"id": 99999999999, "note": "c"})),  # the id is no int of last_notes
        (b'{"id":4}', encode({"id": 4, "note": "refused", "items": [{"sku": "v"}]})),  # by PostgreSQL, in last_notes
        (b'{"id":1}', encode({"id": 1, "items": [{"sku": "z"}]})),
        (b'{"id":3}', encode({"id": 3, "items": [{"sku": "w"}]})),
        (b'{"id":3}', None)])
    service.start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT * FROM orders") == [(1, "a")]
    assert pipeline.sql("SELECT * FROM order_items") == [(1, 1, "z", 1)], "what an element lacks stays as it was"
    assert pipeline.sql("SELECT * FROM last_notes") == [("a", 1)]
    letters = pipeline.dead_letters()
    assert sorted((at[2], stage) for at, (stage, _) in letters.items()) == [(1, "map"), (2, "map"), (3, "write")]
    assert "value.items[2]: found" in letters[(topic, 0, 1)][1] and "expected an object" in letters[(topic, 0, 1)][1]
    assert "value.id" in letters[(topic, 0, 2)][1]
    check_identity(pipeline.sql(IDENTITY))
    line = '{"key":{"id":1},"value":{"id":1,"note":"q","items":[{"sku":"k","n":5}]}}\n'
    explained = run("explain", "--config", service.config, "--topic", topic, text=line, seconds=60)
    assert "accepts it; rolled back" in explained.stdout, explained.stdout + explained.stderr
    for part in ("public.orders", "public.order_items", "public.last_notes", "delete others", "NOT EXISTS"):
        assert part in explained.stdout, explained.stdout
    assert run("verify", "--deep", "--config", service.config, seconds=60).returncode == 0
    pipeline.sql("INSERT INTO order_items VALUES (1, 2, 'foreign', 0)")
    bad = run("verify", "--deep", "--config", service.config, seconds=60)
    assert bad.returncode == 1 and "table public.order_items" in bad.stdout, bad.stdout
    grants = run("grants", "--config", service.config, seconds=60)
    assert "SELECT, INSERT, UPDATE, DELETE ON TABLE public.order_items" in grants.stdout.replace('"', ""), grants.stdout
    assert service.stop() == 0
