"""The service as systemd, Prometheus and scripts see it: probes, metrics, signals, exit codes, check and publish."""
import json
import os
import pathlib
import re
import signal
import socket

import pytest
from confluent_kafka import Consumer, TopicPartition

from support.pipeline import encode, route
from support.sluice import run
from support.waiting import wait_until


@pytest.fixture(autouse=True)
def table(pipeline):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")


def started(pipeline, **more):
    topic = pipeline.topic("item", 2)
    pipeline.kafka.publish(topic, [(b"%d" % n, encode({"id": n, "name": "x"})) for n in range(1000)])
    service = pipeline.service(route(topic, "public.item"), **more).start()
    pipeline.wait_caught_up(topic)
    return topic, service


def test_probes_and_metrics_answer(pipeline):
    _, service = started(pipeline)
    assert service.get("/healthz")[0] == 200
    assert service.get("/readyz")[0] == 200
    assert service.get("/nothing")[0] == 404
    wait_until(lambda: sum(value for name, value in service.metrics().items() if name.startswith("sluice_records_total"))
               == 1000, lambda: f"1000 records in {service.metrics()}")
    assert all(re.match(r"(sluice|process)_[a-z_]+(\{|$)", name) for name in service.metrics())
    assert service.stop() == 0


def test_sigterm_drains_and_a_restart_goes_on_where_it_was(pipeline):
    topic, service = started(pipeline)
    assert service.stop() == 0
    pipeline.kafka.publish(topic, [(b"1", encode({"id": 1, "name": "later"}))])
    service.start()
    pipeline.wait_caught_up(topic)
    assert pipeline.sql("SELECT name FROM item WHERE id = 1") == [("later",)]
    service.signal(signal.SIGINT)
    assert service.wait() == 0


def test_sighup_takes_over_the_log_level(pipeline):
    _, service = started(pipeline)
    path = pathlib.Path(service.config)
    path.write_text(path.read_text().replace('level = "info"', 'level = "debug"'))
    service.signal(signal.SIGHUP)
    wait_until(lambda: re.search("reload", service.log()), service.tail)
    path.write_text(path.read_text().replace('level = "debug"', 'level = "chatty"'))
    service.expected = ["not reloaded"]
    service.signal(signal.SIGHUP)
    wait_until(lambda: "chatty" in service.log(), service.tail)
    assert service.running()
    assert service.stop() == 0


def test_systemd_is_told_ready_watchdog_reloading_and_stopping(pipeline):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        address = "\0sluice-test-%d" % os.getpid()
        listener.bind(address)
        listener.settimeout(0.1)
        heard = []

        def has(word):
            try:
                heard.append(listener.recv(4096).decode())
            except socket.timeout:
                pass
            return any(word in text.split("\n") for text in heard)

        _, service = started(pipeline, NOTIFY_SOCKET="@" + address[1:], WATCHDOG_USEC="1000000")
        wait_until(lambda: has("READY=1"), lambda: f"READY=1 in {heard}")
        wait_until(lambda: has("WATCHDOG=1"), lambda: f"WATCHDOG=1 in {heard}")
        heard.clear()
        service.signal(signal.SIGHUP)
        wait_until(lambda: has("RELOADING=1"), lambda: f"RELOADING=1 in {heard}")
        assert any(re.search(r"^MONOTONIC_USEC=\d+$", text, re.M) for text in heard), heard
        wait_until(lambda: has("READY=1"), lambda: f"READY=1 after it in {heard}")
        assert service.stop() == 0
        wait_until(lambda: has("STOPPING=1"), lambda: f"STOPPING=1 in {heard}")


def test_a_wrong_configuration_is_one_line_and_exit_2(pipeline):
    service = pipeline.service('[[route]]\ntopics = ["t"]\ntabel = "public.item"\n')
    done = run("run", "--config", service.config)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"^\S+sluice.toml:\d+:\d+: route\S*tabel: .*table.*\n$", done.stderr)
    assert done.stderr.count("\n") == 1


def test_check_connect_prints_the_plan_and_changes_nothing(pipeline):
    topic = pipeline.topic("item", 3)
    service = pipeline.service(route(topic, "public.item"))
    done = run("check", "--config", service.config)
    assert done.returncode == 0, done
    done = run("check", "--config", service.config, "--connect")
    assert done.returncode == 0, done
    for word in (topic, "3", "public.item", "id", "pointer"):
        assert word in done.stdout
    assert pipeline.sql("SELECT to_regclass('sluice.pointer')") == [(None,)]


def test_check_connect_fails_without_the_table(pipeline):
    pipeline.sql("DROP TABLE item")
    service = pipeline.service(route(pipeline.topic("item"), "public.item"))
    done = run("check", "--config", service.config, "--connect")
    assert done.returncode == 1
    assert "public.item" in done.stderr


def read(pipeline, topic, count):
    consumer = Consumer({"bootstrap.servers": pipeline.kafka.bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [(m.key(), m.value(), m.headers()) for m in consumer.consume(count, timeout=60)]
    finally:
        consumer.close()


def test_publish_takes_keys_headers_and_tombstones(pipeline):
    topic = pipeline.topic("published")
    to = ("publish", "--brokers", pipeline.kafka.bootstrap, "--topic", topic)
    done = run(*to, "--key", "id", "--header", "origin=test", text='{"id": 7, "name": "a"}\n{"id": "x", "name": "b"}\n')
    assert done.returncode == 0, done
    done = run(*to, "--envelope", text='{"key": {"id": 7}, "value": null}\n{"key": 1, "value": {"id": 1}, "headers": {"h": "v"}}\n')
    assert done.returncode == 0, done
    first, second, third, fourth = read(pipeline, topic, 4)
    assert (first[0], json.loads(first[1]), first[2]) == (b"7", {"id": 7, "name": "a"}, [("origin", b"test")])
    assert json.loads(second[1]) == {"id": "x", "name": "b"}
    assert (json.loads(third[0]), third[1]) == ({"id": 7}, None)
    assert (json.loads(fourth[1]), fourth[2]) == ({"id": 1}, [("h", b"v")])
