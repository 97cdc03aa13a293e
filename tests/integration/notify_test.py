"""Webhooks: each event is told to every hook that wants it, whatever the receiver does and whoever dies, and nobody waits."""
import json
import pathlib
import re
import signal
import time

import pytest

from support.console import Access
from support.hooks import Receiver
from support.pipeline import encode, route
from support.waiting import wait_until

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/notify.md"
SECRET = "s3cret"


class Shop:
    """A topic whose partitions stop at a record that cannot be applied, and one that flows."""

    def __init__(self, pipeline):
        self.pipeline = pipeline
        pipeline.sql("CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL)")
        self.stopping, self.flowing = pipeline.topic("stopping", 4), pipeline.topic("flowing")
        self.published = 0

    def service(self, hooks, **settings):
        made = self.pipeline.service(
            route(self.stopping, "public.orders", on_error="stop") + route(self.flowing, "public.orders"),
            rest="".join(f'[[notify]]\nkind = "{kind}"\nurl = "{url}"\non = {json.dumps(on)}\n' for kind, url, on in hooks), **settings)
        made.expected.append("stopped in state poison")
        return made

    def stop_partition(self, partition):
        self.pipeline.kafka.publish(self.stopping, [(b"k", encode({"id": 10**6 + partition, "status": None}))], partition=partition)
        self.pipeline.wait_state(self.stopping, "poison", partition)

    def flow(self, count=500):
        """More records, and until they have taken effect."""
        ids = range(self.published, self.published + count)
        self.published += count
        self.pipeline.kafka.publish(self.flowing, [(b"%d" % n, encode({"id": n, "status": "new"})) for n in ids])
        self.pipeline.wait_caught_up(self.flowing)

    def pending(self):
        return self.pipeline.sql("SELECT count(*) FROM sluice.notification")[0][0]


@pytest.fixture
def shop(pipeline):
    return Shop(pipeline)


def partitions(bodies):
    return sorted(body["partition"] for body in bodies)


def check_form(body):
    """As the schema on the page says; it has no more than types, enumerations and required keys."""
    schema = json.loads(re.search(r"```json schema\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)[1])
    kinds = {"string": str, "integer": int, "null": type(None)}
    assert set(body) == set(schema["required"]) == set(schema["properties"])
    for name, value in body.items():
        allowed = schema["properties"][name]
        types = allowed["type"] if isinstance(allowed["type"], list) else [allowed["type"]]
        assert isinstance(value, tuple(kinds[one] for one in types)), (name, value)
        assert value in allowed.get("enum", [value]), (name, value)


def test_whatever_a_receiver_answers_each_event_is_told_and_records_go_on(shop, pipeline):
    """One fails at first, one asks for time, one hangs until it is told in the end, one takes all."""
    with Receiver(fails=[500, 500, 200], asks=[(429, {"Retry-After": "3"}), 200], hangs=[Receiver.hang], takes=[200]) as receiver:
        on = ["stopped", "resumed"]
        service = shop.service([("json", receiver.url(path), on) for path in ("hangs", "fails", "asks", "takes")]).start()
        begun = time.monotonic()
        shop.stop_partition(0)
        shop.stop_partition(1)
        wait_until(lambda: receiver.received("hangs", taken_only=False), service.tail)
        before = len(receiver.received("hangs", taken_only=False))
        while len(receiver.received("hangs", taken_only=False)) < before + 1:  # while it hangs
            shop.flow()
            assert time.monotonic() < begun + 120, service.tail()
        for path in ("fails", "asks", "takes"):
            wait_until(lambda path=path: partitions(receiver.received(path)) == [0, 1], lambda: f"{receiver.requests}\n{service.tail()}")
        asked = [at for at, (path, _, _) in enumerate(receiver.requests) if path == "/asks"]
        assert len(asked) == 3, "it was left alone for the time that it asked for, and told each event once"
        receiver.answer("hangs", 200)
        receiver.free.set()
        wait_until(lambda: partitions(receiver.received("hangs")) == [0, 1], service.tail)
        wait_until(lambda: shop.pending() == 0, service.tail)
        for body in receiver.received("takes"):
            check_form(body)
            assert (body["kind"], body["severity"], body["to"], body["topic"]) == ("stopped", "error", "poison", shop.stopping)
        metrics = service.metrics()
        sent = {name: value for name, value in metrics.items() if name.startswith("sluice_notifications_sent_total")}
        assert sorted(sent.values()) == [2, 2, 2, 2], metrics
        assert sum(value for name, value in metrics.items() if name.startswith("sluice_notifications_failed_total")) >= 5
        assert SECRET not in service.log()
        assert "4:127.0.0.1" in str(sent) and "hook 1:127.0.0.1 has not taken a notification" in service.log()
        # A receiver that hangs holds up no stop either.
        receiver.answer("hangs", Receiver.hang)
        receiver.free.clear()
        before = len(receiver.received("hangs", taken_only=False))
        pipeline.sql("UPDATE sluice.pointer SET state = 'ok' WHERE partition = 0 AND topic = %s", shop.stopping)
        pipeline.sql("DELETE FROM sluice.event WHERE kind = 'stopped' AND partition = 0")  # it stops again, and that is new
        wait_until(lambda: len(receiver.received("hangs", taken_only=False)) > before, service.tail)
        assert service.stop(20) == 0


def test_many_notifications_of_a_slow_receiver_keep_none_of_another_waiting(shop, pipeline):
    """Only what has been shared out can take turns, so that is looked after between two that are sent."""
    with Receiver(slow=[Receiver.after(0.3)], quick=[200]) as receiver:
        service = shop.service([("json", receiver.url("slow"), ["lag"]), ("json", receiver.url("quick"), ["stopped"])]).start()
        pipeline.sql("INSERT INTO sluice.event (pipeline, instance, kind, topic, partition, from_state, to_state)"
                     " SELECT %s, 'node-a', 'lag', 't', n, 'in_time', 'behind' FROM generate_series(1, 300) n", pipeline.name)
        wait_until(lambda: receiver.received("slow"), service.tail)
        shop.stop_partition(0)
        wait_until(lambda: receiver.received("quick"), service.tail)
        assert len(receiver.received("slow")) < 300
        receiver.free.set()
        wait_until(lambda: partitions(receiver.received("slow")) == list(range(1, 301)), service.tail, 120)
        assert service.stop() == 0


def test_two_instances_tell_each_event_once_and_one_that_was_killed_in_the_middle_still_tells(shop, pipeline):
    with Receiver(hook=[200]) as receiver:
        hooks = [("json", receiver.url("hook"), ["stopped"])]
        both = [shop.service(hooks), shop.service(hooks)]
        for one in both:
            one.start()
        for partition in range(3):
            shop.stop_partition(partition)
        wait_until(lambda: len(receiver.received("hook")) >= 3, pipeline.logs)
        wait_until(lambda: shop.pending() == 0, pipeline.logs)
        assert partitions(receiver.received("hook")) == [0, 1, 2]
        assert len({body["id"] for body in receiver.received("hook")}) == 3
        # Both die with a request on its way, or with the event in the table only: whoever comes tells it.
        receiver.answer("hook", Receiver.hang)
        shop.stop_partition(3)
        wait_until(lambda: len(receiver.received("hook", taken_only=False)) > 3, pipeline.logs)
        for one in both:
            one.kill9()
        receiver.answer("hook", 200)
        both[0].start()
        wait_until(lambda: partitions(receiver.received("hook")) == [0, 1, 2, 3], pipeline.logs, 120)
        wait_until(lambda: shop.pending() == 0, pipeline.logs)
        assert both[0].stop() == 0


def test_a_reload_takes_other_hooks_and_people_get_a_line_that_calls_nobody(shop, pipeline):
    with Receiver(slack=[200], discord=[200]) as receiver:
        service = shop.service([("slack", receiver.url("slack"), ["stopped"])]).start()
        shop.stop_partition(0)
        wait_until(lambda: len(receiver.received("slack")) == 1, service.tail)
        config = pathlib.Path(service.config)
        config.write_text(config.read_text(encoding="utf-8") +
                          f'[[notify]]\nkind = "discord"\nurl = "{receiver.url("discord")}"\non = ["stopped"]\n', encoding="utf-8")
        service.signal(signal.SIGHUP)
        wait_until(lambda: 'notify[2].kind: not there -> "discord": in force' in service.log(), service.tail)
        wait_until(lambda: "3 settings in force, 0 need a restart" in service.log(), service.tail)
        shop.stop_partition(1)
        wait_until(lambda: receiver.received("discord"), service.tail)
        wait_until(lambda: len(receiver.received("slack")) == 2, service.tail)
        assert f"{shop.stopping}/1 stopped in state poison" in receiver.received("slack")[1]["text"]
        assert receiver.received("discord")[0]["allowed_mentions"] == {"parse": []}
        assert SECRET not in service.log()
        assert service.stop() == 0


@pytest.fixture
def access():
    with Access() as made:
        yield made


def test_operators_list_test_and_mute_the_hooks_and_a_reload_takes_others(shop, pipeline, access):
    with Receiver(slack=[200], more=[200]) as receiver:
        service = shop.service([("slack", receiver.url("slack"), ["stopped"])], console=access.toml()).start()
        assert access.run("notify", "list", key="k_view").code != 0
        listed = json.loads(access.run("notify", "list", "--json", key="k_oper").out)["data"]["hooks"]
        assert [(one["hook"], one["kind"], one["pending"]) for one in listed] == [("1:127.0.0.1", "slack", 0)]
        tested = access.run("notify", "test", "1", key="k_oper")
        assert tested.code == 0 and len(receiver.received("slack")) == 1, tested
        assert access.run("notify", "test", "7", key="k_oper").code != 0
        assert access.run("notify", "mute", "1h", "--reason", "migration", key="k_oper").code == 0
        assert "migration" in access.run("notify", "list", key="k_oper").out
        shop.stop_partition(0)
        wait_until(lambda: shop.pending() == 0, service.tail)
        assert access.run("notify", "unmute", key="k_oper").code == 0
        assert "nothing to do" in access.run("notify", "unmute", key="k_oper").out
        config = pathlib.Path(service.config)
        config.write_text(config.read_text(encoding="utf-8") +
                          f'[[notify]]\nkind = "json"\nurl = "{receiver.url("more")}"\non = ["stopped"]\n', encoding="utf-8")
        differs = json.loads(access.run("config", "check", "--json", key="k_adm").out)["data"]["changes"]
        assert [one["name"] for one in differs] == ["notify[2].kind", "notify[2].url", "notify[2].on"], differs
        assert all(one["reloadable"] for one in differs), differs
        assert "in force" in service.reload()
        shop.stop_partition(1)
        wait_until(lambda: receiver.received("more"), service.tail)
        wait_until(lambda: len(receiver.received("slack")) == 2, service.tail)
        assert partitions(receiver.received("more")) == [1]
        assert access.run("report", "--to", "2", key="k_view").code == 3
        assert "has taken the report" in access.run("report", "--to", "2", key="k_oper").out
        report = receiver.received("more")[-1]
        check_form({key: value for key, value in report.items() if key != "report"})
        assert report["kind"] == "report" and "stopped poison 2" in report["reason"], report
        assert report["report"]["command"] == "report" and report["report"]["data"]["incidents"], report
        assert f"{shop.stopping}/1 stopped in state poison" in receiver.received("slack")[1]["text"]
        commands = {row[0] for row in pipeline.sql("SELECT command FROM sluice.audit WHERE who = 'oper'")}
        assert {"notify test", "notify mute", "notify unmute"} <= commands
        shown = access.run("config", "show", "notify", "--json", key="k_view").out
        assert [one["value"] for one in json.loads(shown)["data"]["settings"] if one["name"] == "notify[2].kind"] == ['"json"'], shown
        assert SECRET not in service.log() + access.run("notify", "list", "--json", key="k_adm").out + shown
        assert SECRET not in str(pipeline.sql("SELECT * FROM sluice.audit"))
        assert service.stop() == 0
