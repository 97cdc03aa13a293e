#!/usr/bin/python3
"""Pauses that outlive a restart, and dead letters that are applied again: console_cases.md 23, 24 and 29."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.case import encode, main  # noqa: E402
from support.console_case import ConsoleCase  # noqa: E402
from support.waiting import wait_until  # noqa: E402


class Control(ConsoleCase):
    def setUp(self):
        super().setUp()
        self.sql("ALTER TABLE orders DROP CONSTRAINT IF EXISTS three")
        self.sql("UPDATE orders SET status = 'x' WHERE status IS NULL")
        self.sql("ALTER TABLE orders ALTER status SET NOT NULL")

    def tearDown(self):
        if self.sql("SELECT 1 FROM sluice.pause"):
            self.ok("resume", "all", key="k_oper")
        self.wait_caught_up(self.orders)

    def rows(self):
        return self.sql("SELECT count(*) FROM orders")[0][0]

    def test_23_a_pause_stops_its_partition_only_outlives_a_restart_and_is_told_who_logs_in(self):
        third = f"{self.orders}/3"
        self.ok("pause", third, "--reason", "vacuum", key="k_oper")
        self.assertIn("nothing to do", self.ok("pause", third, "--reason", "again", key="k_oper"))
        self.assertEqual(("paused",), self.state(self.orders, 3)[:1])
        self.assertIn("paused", self.ok("status"))
        before = self.pointers()[(self.orders, 3)]
        self.publish(range(10_000, 11_000))
        self.assertEqual(0, self.live.stop())
        self.live.start()
        wait_until(lambda: all(self.pointers()[(self.orders, p)] == end for p, end in self.kafka.ends(self.orders).items()
                               if p != 3), self.pointers, 60)
        self.assertEqual(before, self.pointers()[(self.orders, 3)])
        self.assertGreater(self.kafka.ends(self.orders)[3], before)
        screen = self.screen(key="k_view")
        for word in (third, "oper", "vacuum"):
            self.assertIn(word, screen.text())
        screen.keys("C-d").wait_ended()
        out = self.ok("resume", third, key="k_oper")
        self.assertIn(third, out)
        self.wait_caught_up(self.orders)
        self.assertEqual(self.records + 1000, self.rows())
        words = [(row[0], row[3]) for row in self.audit("pause%") + self.audit("resume%")]
        self.assertIn(("oper", third), words)
        self.base_rss = self.rss()

    def test_23_a_pause_with_an_expiry_ends_by_itself(self):
        first = f"{self.orders}/1"
        self.ok("pause", first, "--reason", "short", "--for", "3s", key="k_oper")
        wait_until(lambda: not self.sql("SELECT 1 FROM sluice.pause WHERE expires_at IS NULL OR expires_at > now()")
                   and self.state(self.orders, 1)[0] == "ok", lambda: self.state(self.orders, 1), 30)
        self.publish(range(20_000, 20_100))
        self.wait_caught_up(self.orders)
        self.assertIsNone(next((one for one in self.data("status").get("pauses", []) if one["target"] == first), None))

    def test_24_a_pause_of_a_table_stops_every_partition_that_feeds_it(self):
        self.ok("pause", "table", "public.orders", "--reason", "index", key="k_oper")
        for partition in range(4):
            self.wait_state(self.orders, "paused", partition)
        out = self.ok("resume", "table", "public.orders", key="k_oper")
        self.assertIn("public.orders", out)
        for partition in range(4):
            self.wait_state(self.orders, "ok", partition)

    def poison(self, first, count):
        """Records that the table refuses: status is NOT NULL."""
        before = self.sql("SELECT count(*) FROM sluice.dead_letter WHERE resolved_at IS NULL")[0][0]
        self.kafka.publish(self.orders, [(b"%d" % n, encode({"id": n, "status": None, "note": "mended"}))
                                         for n in range(first, first + count)])
        self.wait_caught_up(self.orders)
        self.assertEqual(before + count, self.sql("SELECT count(*) FROM sluice.dead_letter WHERE resolved_at IS NULL")[0][0])

    def test_29_dead_letters_are_listed_shown_and_applied_again_once_they_can_be(self):
        self.poison(30_000, 40)
        listed = self.data("dead", "list", "--table", "public.orders")
        letters = listed["dead_letters"]
        self.assertEqual(40, len(letters))
        one = str(letters[0]["id"])
        self.assertIn("status", self.ok("dead", "show", one, key="k_oper"))
        rows = self.rows()
        dry = self.run_ssh("dead", "replay", one, "--dry-run", key="k_oper")
        self.assertIn("orders", dry.out)
        self.assertEqual(rows, self.rows())
        still = self.run_ssh("dead", "replay", one, key="k_oper")
        self.assertIn(still.code, (1, 9), still)
        # The table is mended: NULL becomes allowed, but for three.
        self.sql("ALTER TABLE orders ALTER status DROP NOT NULL")
        self.sql("ALTER TABLE orders ADD CONSTRAINT three CHECK (id NOT BETWEEN 30000 AND 30002)")
        done = self.run_ssh("dead", "replay", "--table", "public.orders", key="k_oper", seconds=90)
        self.assertEqual(9, done.code, done)
        self.assertEqual(rows + 37, self.rows())
        self.assertEqual(37, self.sql("SELECT count(*) FROM sluice.dead_letter WHERE resolution LIKE '%%oper%%'"
                                      " AND resolved_at IS NOT NULL AND id = ANY(%s)", [each["id"] for each in letters])[0][0])
        failed = self.sql("SELECT attempts, sqlstate FROM sluice.dead_letter WHERE resolved_at IS NULL")
        self.assertEqual(3, len(failed))
        self.assertTrue(all(attempts > 1 and sqlstate == "23514" for attempts, sqlstate in failed), failed)
        self.refused(2, "reason", "dead", "discard", "--table", "public.orders", key="k_adm")
        self.refused(3, "admin", "dead", "discard", "--table", "public.orders", "--reason", "test", "--yes", key="k_oper")
        self.refused(7, "--yes", "dead", "discard", "--table", "public.orders", "--reason", "test", key="k_adm")
        self.ok("dead", "discard", "--table", "public.orders", "--reason", "test", "--yes", key="k_adm")
        self.assertEqual([(0,)], self.sql("SELECT count(*) FROM sluice.dead_letter WHERE resolved_at IS NULL"))
        who = {row[0] for row in self.audit("dead%")}
        self.assertLessEqual({"oper", "adm"}, who)
        self.assertIn("dead", json.dumps(self.data("audit", key="k_adm")))

    def test_29_a_letter_whose_key_was_written_later_is_left_alone_unless_forced(self):
        self.poison(40_000, 1)
        self.publish([40_000], status="newer")
        self.wait_caught_up(self.orders)
        self.sql("ALTER TABLE orders ALTER status DROP NOT NULL")
        (letter,), = self.sql("SELECT id FROM sluice.dead_letter WHERE resolved_at IS NULL")
        answer = self.run_ssh("dead", "replay", str(letter), key="k_oper", seconds=60)
        self.assertIn(answer.code, (1, 4, 9), answer)
        self.assertRegex(answer.out + answer.err, "--force")
        self.assertEqual([("newer",)], self.sql("SELECT status FROM orders WHERE id = 40000"))
        self.ok("dead", "replay", str(letter), "--force", key="k_oper", seconds=60)
        self.assertEqual([(None,)], self.sql("SELECT status FROM orders WHERE id = 40000"))


if __name__ == "__main__":
    main()
