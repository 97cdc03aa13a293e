#!/usr/bin/python3
"""The service as systemd, Prometheus and scripts see it: probes, metrics, signals, exit codes, check and publish."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from confluent_kafka import Consumer, TopicPartition  # noqa: E402
from support.case import ServiceCase, encode, main  # noqa: E402
from support.sluice import environment  # noqa: E402
from support.waiting import wait_until  # noqa: E402


class Service(ServiceCase):
    def setUp(self):
        super().setUp()
        self.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")

    def sluice(self, *arguments, text=""):
        done = subprocess.run([self.options.sluice, *arguments], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, env=environment())
        return done.returncode, done.stdout, done.stderr

    def started(self, **more):
        topic = self.topic("item", 2)
        self.kafka.publish(topic, [(b"%d" % n, encode({"id": n, "name": "x"})) for n in range(1000)])
        service = self.service(self.route(topic, "public.item"), **more).start()
        self.wait_caught_up(topic)
        return topic, service

    def test_probes_and_metrics(self):
        _, service = self.started()
        self.assertEqual(service.get("/healthz")[0], 200)
        self.assertEqual(service.get("/readyz")[0], 200)
        self.assertEqual(service.get("/nothing")[0], 404)
        wait_until(lambda: sum(value for name, value in service.metrics().items() if name.startswith("sluice_records_total"))
                   == 1000, lambda: f"1000 records in {service.metrics()}", 30)
        self.assertTrue(all(re.match(r"sluice_[a-z_]+(\{|$)", name) for name in service.metrics()))
        self.assertEqual(service.stop(), 0)

    def test_sigterm_drains_and_a_restart_goes_on_where_it_was(self):
        topic, service = self.started()
        self.assertEqual(service.stop(), 0)
        self.kafka.publish(topic, [(b"1", encode({"id": 1, "name": "later"}))])
        service.start()
        self.wait_caught_up(topic)
        self.assertEqual(self.sql("SELECT name FROM item WHERE id = 1"), [("later",)])
        service.signal(signal.SIGINT)
        self.assertEqual(service.wait(), 0)

    def test_sighup_takes_over_the_log_level(self):
        _, service = self.started()
        path = pathlib.Path(service.config)
        path.write_text(path.read_text().replace('level = "info"', 'level = "debug"'))
        service.signal(signal.SIGHUP)
        wait_until(lambda: re.search("reload", service.log()), service.tail, 30)
        path.write_text(path.read_text().replace('level = "debug"', 'level = "chatty"'))
        service.expected = ["not reloaded"]
        service.signal(signal.SIGHUP)
        wait_until(lambda: "chatty" in service.log(), service.tail, 30)
        self.assertTrue(service.running())
        self.assertEqual(service.stop(), 0)

    def test_systemd_is_told_ready_watchdog_reloading_and_stopping(self):
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

            _, service = self.started(NOTIFY_SOCKET="@" + address[1:], WATCHDOG_USEC="1000000")
            wait_until(lambda: has("READY=1"), lambda: f"READY=1 in {heard}", 30)
            wait_until(lambda: has("WATCHDOG=1"), lambda: f"WATCHDOG=1 in {heard}", 30)
            heard.clear()
            service.signal(signal.SIGHUP)
            wait_until(lambda: has("RELOADING=1"), lambda: f"RELOADING=1 in {heard}", 30)
            self.assertTrue(any(re.search(r"^MONOTONIC_USEC=\d+$", text, re.M) for text in heard), heard)
            wait_until(lambda: has("READY=1"), lambda: f"READY=1 after it in {heard}", 30)
            self.assertEqual(service.stop(), 0)
            wait_until(lambda: has("STOPPING=1"), lambda: f"STOPPING=1 in {heard}", 10)

    def test_a_wrong_configuration_is_one_line_exit_2_and_quick(self):
        service = self.service('[[route]]\ntopics = ["t"]\ntabel = "public.item"\n')
        begin = time.monotonic()
        code, out, error = self.sluice("run", "--config", service.config)
        took = time.monotonic() - begin
        self.assertEqual((code, out), (2, ""))
        self.assertRegex(error, r"^\S+sluice.toml:\d+:\d+: route\S*tabel: .*table.*\n$")
        self.assertEqual(error.count("\n"), 1)
        print(f"refused in {took * 1000:.0f} ms")
        self.assertEqual(self.sluice("run")[0], 2)
        self.assertEqual(self.sluice("run", "--config", "missing.toml")[0], 2)

    def test_check_connect_prints_the_plan_and_changes_nothing(self):
        topic = self.topic("item", 3)
        service = self.service(self.route(topic, "public.item"))
        code, out, error = self.sluice("check", "--config", service.config)
        self.assertEqual(code, 0, error)
        code, out, error = self.sluice("check", "--config", service.config, "--connect")
        self.assertEqual(code, 0, error)
        for word in (topic, "3", "public.item", "id", "pointer"):
            self.assertIn(word, out)
        self.assertEqual(self.sql("SELECT to_regclass('sluice.pointer')"), [(None,)])

    def test_check_connect_fails_without_the_table(self):
        self.sql("DROP TABLE item")
        service = self.service(self.route(self.topic("item"), "public.item"))
        code, out, error = self.sluice("check", "--config", service.config, "--connect")
        self.assertEqual(code, 1)
        self.assertIn("public.item", out + error)

    def read(self, topic, count):
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "reader"})
        consumer.assign([TopicPartition(topic, 0, 0)])
        try:
            return [(m.key(), m.value(), m.headers()) for m in consumer.consume(count, timeout=30)]
        finally:
            consumer.close()

    def test_publish_takes_keys_headers_and_tombstones(self):
        topic = self.topic("published")
        code, _, error = self.sluice("publish", "--brokers", self.kafka.bootstrap, "--topic", topic, "--key", "id", "--header",
                                     "origin=test", text='{"id": 7, "name": "a"}\n{"id": "x", "name": "b"}\n')
        self.assertEqual(code, 0, error)
        code, _, error = self.sluice("publish", "--brokers", self.kafka.bootstrap, "--topic", topic, "--envelope",
                                     text='{"key": {"id": 7}, "value": null}\n{"key": 1, "value": {"id": 1}, "headers": {"h": "v"}}\n')
        self.assertEqual(code, 0, error)
        first, second, third, fourth = self.read(topic, 4)
        self.assertEqual((first[0], json.loads(first[1]), first[2]), (b"7", {"id": 7, "name": "a"}, [("origin", b"test")]))
        self.assertEqual(json.loads(second[1]), {"id": "x", "name": "b"})
        self.assertEqual((json.loads(third[0]), third[1]), ({"id": 7}, None))
        self.assertEqual((json.loads(fourth[1]), fourth[2]), ({"id": 1}, [("h", b"v")]))

    def test_publish_refuses_what_is_no_json(self):
        topic = self.topic("published")
        code, _, error = self.sluice("publish", "--brokers", self.kafka.bootstrap, "--topic", topic, text='{"id": 1}\n{"id": \n')
        self.assertEqual(code, 1)
        self.assertIn("2", error)

    def test_version_names_the_libraries(self):
        code, out, _ = self.sluice("version", "--json")
        self.assertEqual(code, 0)
        self.assertLessEqual({"librdkafka", "libpq"}, set(re.findall(r'"(lib\w+)"', out)))


if __name__ == "__main__":
    main()
