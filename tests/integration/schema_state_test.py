#!/usr/bin/python3
"""What is nobody's record's fault makes no dead letters: the partition waits with state `schema` and heals by itself."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import ServiceCase, encode, main  # noqa: E402


class SchemaState(ServiceCase):
    def published(self):
        topic = self.topic("item")
        self.kafka.publish(topic, [(b"%d" % n, encode({"id": n, "name": f"name {n}"})) for n in range(100)])
        return topic

    def check_waits_then_heals(self, topic, mention, *repair):
        service = self.service(self.route(topic, "public.item"))
        service.expected = [r"schema"]
        service.start(ready=False)
        reason = self.wait_state(topic, "schema")
        self.assertIn(mention, reason)
        self.assertEqual(self.pointers()[(topic, 0)], 0)
        self.assertEqual(self.dead_letters(), {})
        for statement in repair:
            self.sql(statement)
        self.wait_caught_up(topic, seconds=60)
        self.wait_state(topic, "ok")
        self.assertEqual(self.dead_letters(), {})
        self.assertEqual(self.sql("SELECT count(*), min(name) FROM item"), [(100, "name 0")])
        self.assertEqual(service.stop(), 0)

    def test_a_missing_table(self):
        self.check_waits_then_heals(self.published(), "public.item",
                                    "CREATE TABLE item (id bigint PRIMARY KEY, name text)")

    def test_a_missing_key_column(self):
        self.sql("CREATE TABLE item (name text)")
        self.check_waits_then_heals(self.published(), "id", "ALTER TABLE item ADD COLUMN id bigint PRIMARY KEY")

    def test_a_key_without_a_unique_index(self):
        self.sql("CREATE TABLE item (id bigint, name text)")
        self.check_waits_then_heals(self.published(), "public.item", "ALTER TABLE item ADD PRIMARY KEY (id)")

    def test_a_missing_permission(self):
        self.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
        self.sql(f'CREATE ROLE "{self.name}_writer" LOGIN')
        self.sql(f'GRANT CREATE ON DATABASE "{self.name}" TO "{self.name}_writer"')
        self.addCleanup(self.sql, f'DROP OWNED BY "{self.name}_writer"; DROP ROLE "{self.name}_writer"')
        self.url = self.url.replace("app@", f"{self.name}_writer@")
        topic, admin = self.published(), self.postgres.url(self.name)
        service = self.service(self.route(topic, "public.item"))
        service.expected = [r"schema"]
        service.start(ready=False)
        self.url = admin
        self.assertIn("item", self.wait_state(topic, "schema"))
        self.sql(f'GRANT SELECT, INSERT, UPDATE, DELETE ON item TO "{self.name}_writer"')
        self.wait_caught_up(topic, seconds=60)
        self.assertEqual(self.sql("SELECT count(*) FROM item"), [(100,)])
        self.assertEqual(service.stop(), 0)

    def test_one_table_missing_does_not_hold_up_the_others(self):
        self.sql("CREATE TABLE other (id bigint PRIMARY KEY, name text)")
        missing, other = self.published(), self.topic("other")
        self.kafka.publish(other, [(b"%d" % n, encode({"id": n, "name": "x"})) for n in range(100)])
        service = self.service(self.route(missing, "public.item") + self.route(other, "public.other"),
                               postgres="lanes = 1")
        service.expected = [r"schema"]
        service.start(ready=False)
        self.wait_caught_up(other)
        self.wait_state(missing, "schema")
        self.assertEqual(self.pointers()[(missing, 0)], 0)
        self.assertEqual(service.stop(), 0)


if __name__ == "__main__":
    main()
