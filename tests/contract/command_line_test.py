"""The command line: exit codes, one line on stderr for wrong usage, and what `publish` puts into Kafka.

Usage: command_line_test.py --sluice PATH
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

from confluent_kafka import Consumer, TopicPartition

SLUICE = "sluice"
CONFIG = """pipeline = "shop"
[kafka]
brokers = "127.0.0.1:1"
group = "shop"
[postgres]
url = "postgresql://app@127.0.0.1:1/shop"
[[route]]
topics = ["orders"]
table = "public.orders"
key = ["id"]
"""


def sluice(*arguments, stdin="", seconds=60):
    return subprocess.run([SLUICE, *arguments], input=stdin, text=True, timeout=seconds, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


class Usage(unittest.TestCase):
    def test_wrong_usage_is_exit_2_with_one_line_on_stderr(self):
        for arguments in ([], ["run"], ["nonsense"], ["check"], ["check", "--config"], ["config"], ["config", "x"],
                          ["run", "--config", "a", "--extra"], ["publish", "--topic", "t"], ["demo", "--for", "20"],
                          ["demo", "--for", "-1s"], ["demo", "--rate", "0"], ["version", "--yaml"],
                          ["publish", "--brokers", "b", "--topic", "t", "--key", "k", "--envelope"],
                          ["publish", "--brokers", "b", "--topic", "t", "--header", "novalue"],
                          ["publish", "--brokers", "b", "--topic", "t", "--property", "no.such.property=1"],
                          ["run", "--config", "/no/such/file"], ["check", "--config", "/no/such/file"]):
            with self.subTest(arguments):
                done = sluice(*arguments)
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertEqual("", done.stdout)
                self.assertEqual(1, done.stderr.count("\n"), done.stderr)

    def test_help_names_every_subcommand_and_is_no_error(self):
        done = sluice("--help")
        self.assertEqual(0, done.returncode)
        for name in ("run", "check", "config", "publish", "demo", "version"):
            self.assertRegex(done.stdout, rf"(?m)^  {name} +\w")
            self.assertEqual(0, sluice(name, "--help").returncode)

    def test_version_names_the_libraries(self):
        versions = json.loads(sluice("version", "--json").stdout)
        self.assertLessEqual({"version", "librdkafka", "libpq", "libpqxx", "libssh"}, set(versions))
        self.assertTrue(sluice("version").stdout.startswith(f"sluice {versions['version']}\n"))

    def test_the_sample_is_nearly_a_configuration(self):
        done = sluice("config", "sample")
        self.assertEqual(0, done.returncode)
        self.assertIn('pipeline = "shop"', done.stdout)


class Check(unittest.TestCase):
    def check(self, text, *more):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(text)
            file.flush()
            return sluice("check", "--config", file.name, *more)

    def test_a_good_file_is_ok_without_any_connection(self):
        begin = time.monotonic()
        done = self.check(CONFIG)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertRegex(done.stdout, r"^ok: .*: pipeline shop, 1 route\n$")
        self.assertLess(time.monotonic() - begin, 1)

    def test_what_cannot_be_reached_is_exit_1_with_a_line_for_each(self):
        done = self.check(CONFIG, "--connect")
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr, r"(?m)^error: kafka: .*127.0.0.1:1")
        self.assertRegex(done.stderr, r"(?m)^error: postgres: ")

    def test_a_property_that_librdkafka_does_not_know_is_named(self):
        done = self.check(CONFIG.replace("[postgres]", '[kafka.properties]\n"no.such.property" = "hunter2"\n[postgres]'))
        self.assertEqual(2, done.returncode)
        self.assertIn("no.such.property", done.stderr)
        self.assertNotIn("hunter2", done.stderr)


class Publish(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The broker that the demo uses: nothing of it is needed beyond produce and fetch.
        cls.broker = subprocess.Popen([SLUICE, "demo-broker", "t"], stdout=subprocess.PIPE, text=True)
        cls.brokers = cls.broker.stdout.readline().strip()

    @classmethod
    def tearDownClass(cls):
        cls.broker.terminate()
        cls.broker.wait(20)
        cls.broker.stdout.close()

    def records(self):
        """(key, value, headers) of everything in the topic, as a set of what was not there before."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": f"g{os.getpid()}", "enable.auto.commit": False})
        try:
            ends = {p: consumer.get_watermark_offsets(TopicPartition("t", p), timeout=20)[1] for p in range(4)}
            consumer.assign([TopicPartition("t", p, 0) for p in ends])
            found, deadline = [], time.monotonic() + 30
            while len(found) < sum(ends.values()) and time.monotonic() < deadline:
                message = consumer.poll(0.5)
                if message is not None and not message.error():  # a tombstone counts as False
                    found.append((message.key(), message.value(), tuple(message.headers() or ())))
            self.assertEqual(sum(ends.values()), len(found))
            return found
        finally:
            consumer.close()

    def publish(self, text, *more):
        before = len(self.records())
        done = sluice("publish", "--brokers", self.brokers, "--topic", "t", *more, stdin=text)
        return done, len(self.records()) - before

    def test_the_value_is_the_line_and_the_key_its_field(self):
        line = '{"id": "k-1", "n": 12345678901234567890.10, "x": 1e400}'
        done, added = self.publish(line + "\n\n", "--key", "id", "--header", "a=b=c")
        self.assertEqual((0, 1), (done.returncode, added), done.stderr)
        self.assertIn((b"k-1", line.encode(), (("a", b"b=c"),)), self.records())
        self.assertTrue(done.stderr.endswith("published 1 events\n"), done.stderr)

    def test_an_envelope_publishes_tombstones_headers_and_keys(self):
        text = ('{"key":{"id":1},"value":null,"headers":{"h":"v","n":[1]}}\n'
                '{"key":"plain","value":{"a" : 1}}\n{"value":"text"}')
        done, added = self.publish(text, "--envelope")
        self.assertEqual((0, 3), (done.returncode, added), done.stderr)
        found = self.records()
        self.assertIn((b'{"id":1}', None, (("h", b"v"), ("n", b"[1]"))), found)
        self.assertIn((b"plain", b'{"a" : 1}', ()), found)
        self.assertIn((None, b"text", ()), found)

    def test_nothing_is_published_from_a_bad_line_on(self):
        done, added = self.publish('{"id":1}\n{"id":2}\n{"id":\n{"id":4}\n', "--key", "id")
        self.assertEqual((1, 2), (done.returncode, added))
        self.assertRegex(done.stderr, r"(?m)^stdin:3: ")
        self.assertTrue(done.stderr.endswith("published 2 events\n"), done.stderr)

    def test_what_no_broker_acknowledges_is_a_failure(self):
        done = sluice("publish", "--brokers", "127.0.0.1:1", "--topic", "t", "--property", "message.timeout.ms=500",
                      stdin='{"id":1}\n')
        self.assertEqual(1, done.returncode)
        self.assertTrue(done.stderr.endswith("published 0 events\n"), done.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--sluice", required=True)
    options, others = parser.parse_known_args()
    SLUICE = options.sluice
    unittest.main(argv=[sys.argv[0], *others], verbosity=2)
