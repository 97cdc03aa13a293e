"""A bank's books as Debezium would send them: transactions over accounts and tellers whose balances have the same sum, and
a reader that looks whether the target ever shows another one.
"""
import contextlib
import json
import random
import threading

ROUTE_TABLES = ("accounts", "tellers")


class Bank:
    """Makes the records of transactions. A record is (topic, partition, key, value); `prefix` is the connector's."""

    def __init__(self, prefix, seed, partitions=None, keys=20):
        self.prefix, self.random, self.keys = prefix, random.Random(seed), keys
        self.partitions = partitions or {"accounts": 2, "tellers": 1}
        self.balances = {table: {key: 0 for key in range(keys)} for table in ROUTE_TABLES}
        self.made = 0

    @property
    def metadata(self):
        return f"{self.prefix}.transaction"

    def topic(self, table):
        return f"{self.prefix}.bank.{table}"

    def event(self, identity, table, key, total, of_table, op="u"):
        source = {"schema": "bank", "table": table, "connector": "postgresql"}
        value = {"op": op, "before": None, "after": {"id": key, "balance": self.balances[table][key]}, "source": source, "ts_ms": 1,
                 "transaction": None if op == "r" else {"id": f"{identity}:{total + 7}", "total_order": total,
                                                        "data_collection_order": of_table}}
        return self.record(self.topic(table), key % self.partitions[table], {"id": key}, value)

    @staticmethod
    def record(topic, partition, key, value):
        return (topic, partition, json.dumps(key).encode(), json.dumps(value).encode())

    def snapshot(self):
        return [self.event(0, table, key, 0, 0, "r") for table in ROUTE_TABLES for key in range(self.keys)]

    def transaction(self, moves=None):
        """Some accounts get what the same number of tellers gets: the records in the order of their topics' logs."""
        self.made += 1
        identity, counts, records = 1000 + self.made, dict.fromkeys(ROUTE_TABLES, 0), []
        records.append(self.record(self.metadata, 0, {"id": f"{identity}:1"},
                                   {"status": "BEGIN", "id": f"{identity}:1", "ts_ms": 1, "event_count": None, "data_collections": None}))
        for _ in range(moves or self.random.randint(1, 4)):
            amount = self.random.randint(-50, 50)
            for table in ROUTE_TABLES:
                key = self.random.randrange(self.keys)
                self.balances[table][key] += amount
                counts[table] += 1
                records.append(self.event(identity, table, key, sum(counts.values()), counts[table]))
        ended = {"status": "END", "id": f"{identity}:99", "ts_ms": 1, "event_count": sum(counts.values()),
                 "data_collections": [{"data_collection": f"bank.{table}", "event_count": count} for table, count in counts.items()]}
        records.append(self.record(self.metadata, 0, {"id": f"{identity}:99"}, ended))
        return records


def publish(kafka, records, producer=None):
    producer = producer or kafka.producer()
    for topic, partition, key, value in records:
        producer.produce(topic, partition=partition, key=key, value=value)
    assert producer.flush(60) == 0


class Reader(threading.Thread):
    """Looks at the tables again and again, each time in one snapshot, until it is stopped. `query` gives one row of sums."""

    def __init__(self, database, query):
        super().__init__(daemon=True)
        self.database, self.query = database, query
        self.looks, self.torn, self.seen, self.error = 0, [], set(), None
        self.enough = threading.Event()

    def run(self):
        try:
            with contextlib.closing(self.database.postgres.connect(self.database.name)) as connection:
                with connection.cursor() as cursor:
                    while not self.enough.is_set():
                        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                        cursor.execute(self.query)
                        sums = cursor.fetchone()
                        cursor.execute("COMMIT")
                        self.looks += 1
                        self.seen.add(sums)
                        if len(set(sums)) > 1:
                            self.torn.append(sums)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.join(60)
        assert self.error is None
