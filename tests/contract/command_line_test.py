"""The command line: exit codes, one line on stderr for wrong usage, and what `publish` puts into Kafka."""
import itertools
import json
import re
import tempfile
import time

import pytest
from confluent_kafka import Consumer, TopicPartition

from support.pipeline import Nowhere, route, running_services
from support.sluice import NOBODY, configuration, run
from support.waiting import wait_until

ROUTE = route("orders", "public.orders")
NUMBERS = itertools.count(1)


@pytest.mark.parametrize("line", [
    "", "run", "nonsense", "check", "check --config", "config", "config x", "run --config a --extra", "publish --topic t",
    "demo --for 20", "demo --for -1s", "demo --rate 0", "version --yaml", "publish --brokers b --topic t --key k --envelope",
    "publish --brokers b --topic t --header novalue", "publish --brokers b --topic t --property no.such.property=1",
    "init", "init --from-connect /no/such/file", "init --brokers b:1",
    "run --config /no/such/file", "check --config /no/such/file", "wait --config a --topic t", "wait --config a --at 0:1",
    "wait --config a --topic t --at 0:1 --timeout 5", "wait --config /no/such/file --topic t --at 0:1",
    "verify", "verify --config /no/such/file", "publish --brokers b --topic t --wait", "publish --brokers b --topic t --config a", "publish --brokers b --topic t --timeout 1s",
    "publish --brokers b --topic t --wait --config /no/such/file", "publish --brokers b --topic t --receipt /no/such/folder/r"])
def test_wrong_usage_is_exit_2_with_one_line_on_stderr(line):
    done = run(*line.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr


@pytest.mark.parametrize("line, told", [
    ("frob", "sluice: there is no command frob; see sluice --help"),
    ("chekc --config a", "sluice: there is no command chekc; did you mean check? see sluice --help"),
    ("--version", "sluice: there is no option --version; did you mean version? see sluice --help"),
    ("help", "sluice: there is no command help; did you mean --help? see sluice --help"),
    ("config sampel", "sluice config: there is no command sampel; did you mean sample? see sluice config --help"),
    ("check --confg a", "sluice check: there is no option --confg; did you mean --config? see sluice check --help"),
    ("run --config a --Wait-Redy", "sluice run: there is no option --Wait-Redy; did you mean --wait-ready? see sluice run --help"),
    ("publish --brokers b --header a=b --topc=t", "sluice publish: there is no option --topc; did you mean --topic? see sluice publish --help"),
    ("wait -ca --topic t --at 0:1 0:2 --tiemout 5s", "sluice wait: there is no option --tiemout; did you mean --timeout? see sluice wait --help"),
    ("check --config a b", "sluice check: b is one word too many; see sluice check --help"),
    ("check", "sluice check: --config is required; see sluice check --help"),
    ("check --config", "sluice check: --config: 1 required TEXT missing; see sluice check --help")])
def test_a_word_that_is_no_command_and_no_option_is_named_with_the_nearest(line, told):
    done = run(*line.split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told + "\n")


def test_help_names_every_subcommand_and_is_no_error():
    done = run("--help")
    assert done.returncode == 0
    for name in ("run", "check", "config", "explain", "init", "publish", "wait", "verify", "demo", "version"):
        assert re.search(rf"(?m)^  {name} +\w", done.stdout)
        assert run(name, "--help").returncode == 0


def test_version_names_the_libraries():
    versions = json.loads(run("version", "--json").stdout)
    assert {"version", "librdkafka", "libpq", "libpqxx", "libssh"} <= set(versions)
    assert run("version").stdout.startswith(f"sluice {versions['version']}\n")


def test_the_sample_is_nearly_a_configuration():
    done = run("config", "sample")
    assert done.returncode == 0
    assert 'pipeline = "shop"' in done.stdout


def check(text, *more):
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        return run("check", "--config", file.name, *more)


def test_a_good_file_is_ok_without_any_connection():
    done = check(configuration(ROUTE))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^ok: .*: pipeline shop, 1 route\n$", done.stdout)


def test_what_cannot_be_reached_is_exit_1_with_a_line_for_each():
    done = check(configuration(ROUTE), "--connect")
    assert done.returncode == 1
    assert re.search(rf"(?m)^error: kafka: .*{NOBODY}", done.stderr)
    assert re.search(r"(?m)^error: postgres: ", done.stderr)


def test_a_secret_that_others_may_read_is_told_once_by_check_and_by_run(tmp_path):
    password, file = tmp_path / "password", tmp_path / "sluice.toml"
    password.write_text("hunter2\n")
    password.chmod(0o644)
    reference = f"${{file:{password}}}"
    file.write_text(configuration(ROUTE, url=f"postgresql://app:{reference}@{NOBODY}/shop",
                                  properties=f'"security.protocol" = "sasl_plaintext"\n"sasl.password" = "{reference}"'))
    told = f"{password} has mode 0644, so others may read the secret in it; run chmod 600 {password}"
    done = run("check", "--config", str(file))
    assert (done.returncode, done.stderr) == (0, f"warning: {told}\n")
    with running_services(Nowhere, Nowhere) as services:
        service = services(ROUTE, url=f"postgresql://app:{reference}@{NOBODY}/shop", properties=f'"sasl.password" = "{reference}"')
        service.start(ready=False)
        wait_until(lambda: "waiting for PostgreSQL" in service.log(), service.tail)  # before that it is told
        assert service.log().count(f"warning service: {told}\n") == 1
        assert "hunter2" not in service.log()
        service.stop()
    password.chmod(0o600)
    assert run("check", "--config", str(file)).stderr == ""


def test_check_says_which_property_of_a_login_the_protocol_ignores():
    done = check(configuration(ROUTE, properties='"sasl.mechanism" = "PLAIN"'))
    assert done.returncode == 0
    assert done.stderr.startswith("warning: kafka.properties.sasl.mechanism: is of SASL, and security.protocol is plaintext"), done


def test_a_property_that_librdkafka_does_not_know_is_named():
    done = check(configuration(ROUTE, properties='"no.such.property" = "hunter2"'))
    assert done.returncode == 2
    assert "no.such.property" in done.stderr
    assert "hunter2" not in done.stderr
    for property in ('"sasl.pasword" = "hunter2"', 'sasl.pasword = "hunter2"'):
        lines = configuration(ROUTE, properties=property).splitlines()
        done = check("\n".join(lines))
        assert done.returncode == 2
        assert re.search(rf':{lines.index(property) + 1}:\d+: .*has no property "sasl.pasword"; did you mean sasl.password\?$', done.stderr)
    assert 'refuses the value of "socket.timeout.ms"' in check(configuration(ROUTE, properties='"socket.timeout.ms" = "x"')).stderr


@pytest.fixture
def file(tmp_path):
    """A configuration whose servers are not there."""
    path = tmp_path / "sluice.toml"
    path.write_text(configuration(ROUTE))
    return str(path)


@pytest.mark.parametrize("words, told", [
    (["--at", "1"], "PARTITION:OFFSET"), (["--at", "-1:0"], "PARTITION:OFFSET"), (["--at", "0:9223372036854775807"], "PARTITION:OFFSET"),
    (["--at", "0:1", "--topic", "other"], "no route takes topic other")])
def test_a_wait_for_what_cannot_come_is_refused_at_once(file, words, told):
    done = run("wait", "--config", file, *([] if "--topic" in words else ["--topic", "orders"]), *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert told in done.stderr


def test_a_receipt_that_is_not_there_is_refused_at_once(file, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    for path in ("/no/such/receipt", str(empty)):
        done = run("verify", "--config", file, "--receipt", path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert done.stderr.startswith(f"sluice verify: {path} ")


def test_nothing_is_proved_without_servers(file):
    done = run("verify", "--config", file)
    assert done.returncode == 1 and "error: PostgreSQL could not be asked: " in done.stderr, done


def test_a_wait_without_postgresql_ends_with_6_at_its_time_out_and_says_why(file):
    done = run("wait", "--config", file, "--topic", "orders", "--at", "0:1", "--timeout", "200ms")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (6, "", 1), done.stderr
    assert re.match(r"sluice wait: not in effect after 200ms: orders/0 offset 1 \(nobody has begun to read it\); .*refused",
                    done.stderr)


@pytest.fixture
def topic(broker):
    return broker.create_topic(f"published{next(NUMBERS)}")


def records(broker, topic):
    """(key, value, headers) of everything in the topic."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "reader", "enable.auto.commit": False})
    try:
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=60)[1] for p in range(broker.PARTITIONS)}
        consumer.assign([TopicPartition(topic, p, 0) for p in ends])
        found, deadline = [], time.monotonic() + 60
        while len(found) < sum(ends.values()) and time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None and not message.error():  # a tombstone counts as False
                found.append((message.key(), message.value(), tuple(message.headers() or ())))
        assert sum(ends.values()) == len(found)
        return found
    finally:
        consumer.close()


def publish(broker, topic, text, *more):
    """What it said, and what is in the topic then, in no order."""
    done = run("publish", "--brokers", broker.bootstrap, "--topic", topic, *more, text=text)
    return done, records(broker, topic)


def test_the_value_is_the_line_and_the_key_its_field(broker, topic):
    line = '{"id": "k-1", "n": 12345678901234567890.10, "x": 1e400}'
    done, found = publish(broker, topic, line + "\n\n", "--key", "id", "--header", "a=b=c")
    assert done.returncode == 0, done.stderr
    assert found == [(b"k-1", line.encode(), (("a", b"b=c"),))]
    assert done.stderr.endswith("published 1 event\n"), done.stderr


def test_an_envelope_publishes_tombstones_headers_and_keys(broker, topic):
    text = ('{"key":{"id":1},"value":null,"headers":{"h":"v","n":[1]}}\n'
            '{"key":"plain","value":{"a" : 1}}\n{"value":"text"}')
    done, found = publish(broker, topic, text, "--envelope")
    assert done.returncode == 0, done.stderr
    wanted = [(b'{"id":1}', None, (("h", b"v"), ("n", b"[1]"))), (b"plain", b'{"a" : 1}', ()), (None, b"text", ())]
    assert sorted(found, key=str) == sorted(wanted, key=str)


def test_a_receipt_holds_key_partition_and_offset_of_each_acknowledgement(broker, topic, tmp_path):
    receipt = tmp_path / "receipt.ndjson"
    done, _ = publish(broker, topic, "".join(f'{{"id":"k-{n}"}}\n' for n in range(300)), "--key", "id", "--receipt", str(receipt))
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in receipt.read_text().splitlines()]
    assert {line["topic"] for line in lines} == {topic}
    assert sorted(line["key"] for line in lines) == sorted(f"k-{n}" for n in range(300))
    for partition in range(broker.PARTITIONS):
        offsets = [line["offset"] for line in lines if line["partition"] == partition]
        assert offsets == list(range(len(offsets))) and offsets


def test_a_receipt_that_cannot_be_written_ends_the_publishing(broker, topic):
    done, found = publish(broker, topic, '{"id":1}\n' * 2000, "--receipt", "/dev/full")
    assert done.returncode == 1
    assert "sluice publish: the receipt is not complete: /dev/full cannot be written: No space left on device" in done.stderr
    assert f"published {len(found)} events\n" in done.stderr


def test_nothing_is_published_where_the_wait_would_be_in_vain(broker, topic, file):
    done, found = publish(broker, topic, '{"id":1}\n', "--wait", "--config", file)
    assert (done.returncode, found) == (2, [])
    assert done.stderr.startswith("sluice publish: no route of ") and done.stderr.count("\n") == 1, done.stderr


def test_nothing_is_published_from_a_bad_line_on(broker, topic):
    done, found = publish(broker, topic, '{"id":1}\n{"id":2}\n{"id":\n{"id":4}\n', "--key", "id")
    assert done.returncode == 1
    assert sorted(value for _, value, _ in found) == [b'{"id":1}', b'{"id":2}']
    assert re.search(r"(?m)^stdin:3: ", done.stderr)
    assert done.stderr.endswith("published 2 events\n"), done.stderr


def test_what_no_broker_acknowledges_is_a_failure():
    done = run("publish", "--brokers", NOBODY, "--topic", "t", "--property", "message.timeout.ms=500", text='{"id":1}\n')
    assert done.returncode == 1
    assert done.stderr.endswith("published 0 events\n"), done.stderr
