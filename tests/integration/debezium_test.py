#!/usr/bin/python3
"""Recorded Debezium events, through Kafka, against a source database with the history that they were recorded from."""
import contextlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import ServiceCase, encode, main  # noqa: E402

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "debezium"
KEYS = {"everything": ["id"], "pair": ["a", "b"], "bigtext": ["id"]}


class Debezium(ServiceCase):
    def setUp(self):
        super().setUp()
        tables, history = (DATA / "tables.sql").read_text(), (DATA / "history.sql").read_text()
        self.postgres.create_database(f"{self.name}_source")
        self.source = self.postgres.connect(f"{self.name}_source")
        self.addCleanup(self.source.close)
        with self.source.cursor() as cursor:
            cursor.execute(tables)
            cursor.execute(history)
        self.sql(tables)

    def stream(self, suffix):
        topics = {}
        for table in KEYS:
            topics[table] = self.topic(f"shop.public.{table}")
            lines = [json.loads(line) for line in (DATA / f"{table}{suffix}.ndjson").read_text().splitlines()]
            self.kafka.publish(topics[table], [(encode(line["key"]), encode(line["value"])) for line in lines])
        routes = "".join(self.route(topics[table], f"public.{table}", key, truncate="apply") for table, key in KEYS.items())
        self.service(routes).start()
        self.wait_caught_up(*topics.values())
        return topics

    def rows(self, table, source=False):
        text = f"SELECT row_to_json(whole)::text FROM {table} whole ORDER BY {', '.join(KEYS[table])}"
        if not source:
            return [row[0] for row in self.sql(text)]
        with contextlib.closing(self.source.cursor()) as cursor:
            cursor.execute(text)
            return [row[0] for row in cursor.fetchall()]

    def test_with_schemas_every_table_equals_the_source(self):
        self.stream("-schema")
        self.assertEqual(self.dead_letters(), {})
        for table in KEYS:
            self.assertEqual(self.rows(table), self.rows(table, source=True), table)
            self.assertGreater(len(self.rows(table)), 0)

    def test_without_schemas_what_is_not_exact_is_refused_and_the_rest_equals_the_source(self):
        topics = self.stream("")
        for table in ("pair", "bigtext"):
            self.assertEqual(self.rows(table), self.rows(table, source=True), table)
        dead = self.dead_letters()
        self.assertEqual({at[0] for at in dead}, {topics["everything"]}, "only its decimals and dates have no exact form")
        wanted = self.rows("everything", source=True)
        for row in self.rows("everything"):
            self.assertIn(row, wanted)


if __name__ == "__main__":
    main()
