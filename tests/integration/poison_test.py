#!/usr/bin/python3
"""Records that cannot be applied: dead letters in place, a cap on floods, and routes that stop instead."""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import ServiceCase, encode, main  # noqa: E402

TABLE = "CREATE TABLE item (id bigint PRIMARY KEY, name text NOT NULL, quantity integer CHECK (quantity >= 0))"
BAD = {  # value by the stage that must refuse it; %d is the key
    "decode": b'{"id": %d, "name": ',
    "map": b'{"id": %d, "name": "n", "quantity": "many"}',
    "write": b'{"id": %d, "name": "n", "quantity": -1}',
}


class Poison(ServiceCase):
    def setUp(self):
        super().setUp()
        self.sql(TABLE)
        self.item = self.topic("item")

    def publish(self, count, bad):
        """bad: {offset: stage}. One record per key, all of them in one partition."""
        self.kafka.publish(self.item, [(b"%d" % n, BAD[bad[n]] % n if n in bad else encode(
            {"id": n, "name": f"name {n}", "quantity": n})) for n in range(count)])

    def run_through(self, count, bad, **settings):
        self.publish(count, bad)
        service = self.service(self.route(self.item, "public.item", **settings)).start()
        self.wait_caught_up(self.item)
        dead = self.dead_letters()
        self.assertEqual({at[2]: stage for at, (stage, _) in dead.items()}, bad)
        self.assertTrue(all(reason for _, reason in dead.values()), "a dead letter says why")
        rows = self.sql("SELECT id FROM item ORDER BY id")
        self.assertEqual([row[0] for row in rows], [n for n in range(count) if n not in bad])
        self.assertEqual(service.stop(), 0)

    def test_bad_rows_are_found_first_last_in_the_middle_and_side_by_side(self):
        self.run_through(3000, {offset: "write" for offset in (0, 1, 2, 700, 1499, 1500, 1501, 2998, 2999)})

    def test_every_stage_has_its_dead_letters(self):
        chance = random.Random(7)
        self.run_through(5000, {chance.randrange(5000): chance.choice(list(BAD)) for _ in range(60)})

    def test_a_dead_letter_keeps_the_record_and_the_reason(self):
        self.kafka.publish(self.item, [(b"5", BAD["write"] % 5)])
        service = self.service(self.route(self.item, "public.item")).start()
        self.wait_caught_up(self.item)
        row = self.sql("SELECT key, value, table_name, sqlstate, stage FROM sluice.dead_letter")[0]
        self.assertEqual((bytes(row[0]), bytes(row[1])), (b"5", BAD["write"] % 5))
        self.assertEqual(row[2:], ("public.item", "23514", "write"))
        self.assertEqual(service.stop(), 0)

    def check_stopped_at(self, service, offset):
        self.assertTrue(self.wait_state(self.item, "poison"))
        self.assertEqual(self.pointers()[(self.item, 0)], offset)
        self.assertEqual(self.sql("SELECT count(*), max(id) FROM item"), [(offset, offset - 1)])
        self.assertEqual(self.dead_letters(), {})
        self.assertEqual(service.stop(), 0)

    def test_a_route_that_stops_stops_at_exactly_the_bad_record(self):
        for stage in BAD:
            with self.subTest(stage):
                self.item = self.topic(f"item.{stage}")
                self.sql("TRUNCATE item")
                self.publish(1000, {617: stage})
                service = self.service(self.route(self.item, "public.item", on_error="stop"), pipeline=f"{self.name}.{stage}")
                service.expected = ["poison"]
                service.start(ready=False)
                self.check_stopped_at(service, 617)

    def test_a_flood_of_bad_records_stops_the_partition(self):
        for stage in BAD:
            with self.subTest(stage):
                self.item = self.topic(f"item.{stage}")
                self.sql("TRUNCATE item; DROP SCHEMA IF EXISTS sluice CASCADE")
                self.publish(500, {offset: stage for offset in range(100, 200)})
                service = self.service(self.route(self.item, "public.item", max_dead_letters=10),
                                       pipeline=f"{self.name}.{stage}")
                service.expected = ["poison"]
                service.start(ready=False)
                self.assertTrue(self.wait_state(self.item, "poison"))
                self.assertEqual(sorted(at[2] for at in self.dead_letters()), list(range(100, 110)))
                self.assertEqual(self.pointers()[(self.item, 0)], 110)
                self.assertEqual(service.stop(), 0)


if __name__ == "__main__":
    main()
