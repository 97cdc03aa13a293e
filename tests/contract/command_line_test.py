"""The command line: exit codes, one line on stderr for wrong usage, and what `publish` puts into Kafka."""

import json
import os
import re
import subprocess
import tempfile
import time

import pytest
from confluent_kafka import Consumer, TopicPartition

from support.sluice import Sluice

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
    return subprocess.run([Sluice.binary, *arguments], input=stdin, text=True, timeout=seconds, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


@pytest.mark.parametrize("line", [
    "", "run", "nonsense", "check", "check --config", "config", "config x", "run --config a --extra", "publish --topic t",
    "demo --for 20", "demo --for -1s", "demo --rate 0", "version --yaml", "publish --brokers b --topic t --key k --envelope",
    "publish --brokers b --topic t --header novalue", "publish --brokers b --topic t --property no.such.property=1",
    "run --config /no/such/file", "check --config /no/such/file"])


def test_wrong_usage_is_exit_2_with_one_line_on_stderr(line):
    done = sluice(*line.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr


def test_help_names_every_subcommand_and_is_no_error():
    done = sluice("--help")
    assert done.returncode == 0
    for name in ("run", "check", "config", "explain", "publish", "demo", "version"):
        assert re.search(rf"(?m)^  {name} +\w", done.stdout)
        assert sluice(name, "--help").returncode == 0


def test_version_names_the_libraries():
    versions = json.loads(sluice("version", "--json").stdout)
    assert {"version", "librdkafka", "libpq", "libpqxx", "libssh"} <= set(versions)
    assert sluice("version").stdout.startswith(f"sluice {versions['version']}\n")


def test_the_sample_is_nearly_a_configuration():
    done = sluice("config", "sample")
    assert done.returncode == 0
    assert 'pipeline = "shop"' in done.stdout


def check(text, *more):
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        return sluice("check", "--config", file.name, *more)


def test_a_good_file_is_ok_without_any_connection():
    begin = time.monotonic()
    done = check(CONFIG)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^ok: .*: pipeline shop, 1 route\n$", done.stdout)
    assert time.monotonic() - begin < 1


def test_what_cannot_be_reached_is_exit_1_with_a_line_for_each():
    done = check(CONFIG, "--connect")
    assert done.returncode == 1
    assert re.search(r"(?m)^error: kafka: .*127.0.0.1:1", done.stderr)
    assert re.search(r"(?m)^error: postgres: ", done.stderr)


def test_a_property_that_librdkafka_does_not_know_is_named():
    done = check(CONFIG.replace("[postgres]", '[kafka.properties]\n"no.such.property" = "hunter2"\n[postgres]'))
    assert done.returncode == 2
    assert "no.such.property" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.fixture(scope="module")
def brokers():
    """The broker that the demo uses: nothing of it is needed beyond produce and fetch."""
    broker = subprocess.Popen([Sluice.binary, "demo-broker", "t"], stdout=subprocess.PIPE, text=True)
    yield broker.stdout.readline().strip()
    broker.terminate()
    broker.wait(20)
    broker.stdout.close()


def records(brokers):
    """(key, value, headers) of everything in the topic, as a set of what was not there before."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"g{os.getpid()}", "enable.auto.commit": False})
    try:
        ends = {p: consumer.get_watermark_offsets(TopicPartition("t", p), timeout=20)[1] for p in range(4)}
        consumer.assign([TopicPartition("t", p, 0) for p in ends])
        found, deadline = [], time.monotonic() + 30
        while len(found) < sum(ends.values()) and time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None and not message.error():  # a tombstone counts as False
                found.append((message.key(), message.value(), tuple(message.headers() or ())))
        assert sum(ends.values()) == len(found)
        return found
    finally:
        consumer.close()


def publish(brokers, text, *more):
    before = len(records(brokers))
    done = sluice("publish", "--brokers", brokers, "--topic", "t", *more, stdin=text)
    return done, len(records(brokers)) - before


def test_the_value_is_the_line_and_the_key_its_field(brokers):
    line = '{"id": "k-1", "n": 12345678901234567890.10, "x": 1e400}'
    done, added = publish(brokers, line + "\n\n", "--key", "id", "--header", "a=b=c")
    assert (done.returncode, added) == (0, 1), done.stderr
    assert (b"k-1", line.encode(), (("a", b"b=c"),)) in records(brokers)
    assert done.stderr.endswith("published 1 events\n"), done.stderr


def test_an_envelope_publishes_tombstones_headers_and_keys(brokers):
    text = ('{"key":{"id":1},"value":null,"headers":{"h":"v","n":[1]}}\n'
            '{"key":"plain","value":{"a" : 1}}\n{"value":"text"}')
    done, added = publish(brokers, text, "--envelope")
    assert (done.returncode, added) == (0, 3), done.stderr
    found = records(brokers)
    assert (b'{"id":1}', None, (("h", b"v"), ("n", b"[1]"))) in found
    assert (b"plain", b'{"a" : 1}', ()) in found
    assert (None, b"text", ()) in found


def test_nothing_is_published_from_a_bad_line_on(brokers):
    done, added = publish(brokers, '{"id":1}\n{"id":2}\n{"id":\n{"id":4}\n', "--key", "id")
    assert (done.returncode, added) == (1, 2)
    assert re.search(r"(?m)^stdin:3: ", done.stderr)
    assert done.stderr.endswith("published 2 events\n"), done.stderr


def test_what_no_broker_acknowledges_is_a_failure():
    done = sluice("publish", "--brokers", "127.0.0.1:1", "--topic", "t", "--property", "message.timeout.ms=500",
                  stdin='{"id":1}\n')
    assert done.returncode == 1
    assert done.stderr.endswith("published 0 events\n"), done.stderr
