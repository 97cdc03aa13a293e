"""Batches of records that arrive damaged: nothing is lost, and damage that stays stops its partition and no other."""
import pytest

from fault.kafka_proxy import KafkaProxy
from support.console import Access
from support.pipeline import encode, route
from support.waiting import wait_until

COUNT = 100  # records of a batch


@pytest.fixture
def proxy(kafka):
    proxy = KafkaProxy(kafka.bootstrap)
    yield proxy
    proxy.close()


@pytest.fixture
def service(pipeline, proxy):
    """service(topic, **settings): a service that reaches the broker through the proxy."""
    pipeline.sql("CREATE TABLE item (topic text, id bigint, PRIMARY KEY (topic, id))")
    return lambda topic, **settings: pipeline.service(route(topic, "public.item", key=["topic", "id"]),
                                                      brokers=proxy.bootstrap, **settings)


def publish(pipeline, topic, batches, partition=0, first=0):
    """So many batches of COUNT records each."""
    for number in range(first, first + batches):
        ids = range(number * COUNT, (number + 1) * COUNT)
        pipeline.kafka.publish(topic, [(None, encode({"topic": f"p{partition}", "id": n})) for n in ids], partition)


def check_all(pipeline, topic, records, partition=0):
    state, gaps, dead = pipeline.sql("SELECT state, gaps, dead FROM sluice.pointer WHERE topic = %s AND partition = %s", topic,
                                     partition)[0]
    assert (state, gaps, dead) == ("ok", 0, 0), pipeline.logs()
    assert pipeline.sql("SELECT count(*), count(DISTINCT id) FROM item WHERE topic = %s", f"p{partition}") == [(records, records)]


@pytest.mark.parametrize("how, which", (("magic", 0), ("crc", 0), ("crc", 1), ("codec", 0), ("length", 0),
                                        ("offset", 0), ("offset", 1), ("offset", 3)))
def test_a_batch_that_is_damaged_once_is_read_again_and_nothing_is_lost(pipeline, proxy, service, how, which):
    topic = pipeline.topic("item")
    publish(pipeline, topic, 4)
    proxy.damage(topic, 0, how, which, times=1)
    one = service(topic).start()
    pipeline.wait_caught_up(topic)
    assert proxy.damaged == 1
    check_all(pipeline, topic, 4 * COUNT)
    assert one.stop() == 0


def test_a_batch_that_is_damaged_behind_what_was_applied_before_is_read_again(pipeline, proxy, service):
    topic = pipeline.topic("item")
    publish(pipeline, topic, 2)
    one = service(topic).start()
    pipeline.wait_caught_up(topic)
    assert one.stop() == 0
    publish(pipeline, topic, 3, first=2)
    proxy.damage(topic, 0, "crc", ("base", 3 * COUNT), times=1)
    one.start()
    pipeline.wait_caught_up(topic)
    assert proxy.damaged == 1
    check_all(pipeline, topic, 5 * COUNT)
    assert one.stop() == 0


@pytest.mark.parametrize("how", ("magic", "crc", "offset"))
def test_damage_that_stays_stops_its_partition_and_heals_once_it_is_gone(pipeline, proxy, service, how):
    topic = pipeline.topic("item", 2)
    for partition in (0, 1):
        publish(pipeline, topic, 3, partition)
    proxy.damage(topic, 0, how, ("base", COUNT), times=None)
    one = service(topic)
    one.expected = ["corrupt"]
    one.start(ready=False)
    reason = pipeline.wait_state(topic, "corrupt")
    assert f"{topic}/0" in reason and f"offset {COUNT}" in reason, reason
    publish(pipeline, topic, 2, 1, first=3)
    wait_until(lambda: pipeline.pointers().get((topic, 1)) == 5 * COUNT, pipeline.logs)
    assert pipeline.pointers()[(topic, 0)] == COUNT
    assert pipeline.state(topic) == ("corrupt", reason)
    proxy.mend()
    pipeline.wait_caught_up(topic)
    for partition, batches in ((0, 3), (1, 5)):
        check_all(pipeline, topic, batches * COUNT, partition)
    assert one.stop() == 0


@pytest.mark.state("corrupt")
def test_damage_that_stays_is_left_by_a_seek_behind_it(pipeline, proxy, service):
    topic = pipeline.topic("item")
    publish(pipeline, topic, 3)
    proxy.damage(topic, 0, "crc", ("base", COUNT), times=None)
    with Access() as access:
        one = service(topic, console=access.toml())
        one.expected = ["corrupt"]
        one.start(ready=False)
        reason = pipeline.wait_state(topic, "corrupt")
        assert f"offset {COUNT}" in reason, reason
        planned = access.run("seek", f"{topic}/0", str(2 * COUNT), key="k_oper")
        assert planned.code == 7 and f"{COUNT} offsets ({COUNT} to {2 * COUNT - 1}) are stepped over" in planned.out, planned
        done = access.run("apply", planned.err.split("'apply ")[1].split("'")[0], key="k_oper")
        assert done.code == 0, done
        pipeline.wait_caught_up(topic)
        pipeline.wait_state(topic, "ok")
        assert one.stop() == 0
    assert pipeline.sql("SELECT applied, skipped, dead, gaps FROM sluice.pointer") == [(2 * COUNT, COUNT, 0, 0)]
    assert pipeline.sql("SELECT count(*), count(*) FILTER (WHERE id / 100 = 1) FROM item") == [(2 * COUNT, 0)]


def test_a_hundred_damaged_batches_in_the_middle_of_answers_lose_nothing(pipeline, proxy, service):
    topic = pipeline.topic("item")
    producer = pipeline.kafka.producer(linger_ms=0)
    for n in range(600):  # in batches of two
        producer.produce(topic, value=encode({"topic": "p0", "id": n}), partition=0)
        if n % 2:
            producer.flush(30)
    for number in range(100):
        proxy.damage(topic, 0, "crc" if number % 2 else "magic", ("base", 6 * number + 2), times=1)
    one = service(topic).start(ready=False)
    pipeline.wait_caught_up(topic)
    assert proxy.damaged == 100
    check_all(pipeline, topic, 600)
    assert one.stop() == 0


@pytest.mark.parametrize("strategy", ["range", "cooperative-sticky"])
def test_a_member_that_its_groups_coordinator_keeps_out_says_so_and_joins_with_a_new_consumer(pipeline, proxy, strategy):
    topic = pipeline.topic("item")
    pipeline.sql("CREATE TABLE item (topic text, id bigint, PRIMARY KEY (topic, id))")
    publish(pipeline, topic, 1)
    one = pipeline.service(route(topic, "public.item", key=["topic", "id"]), brokers=proxy.bootstrap, session=1000,
                           properties='"heartbeat.interval.ms" = "200"', kafka=f'strategy = "{strategy}"').start()
    pipeline.wait_caught_up(topic)
    proxy.close_groups()
    wait_until(lambda: one.metrics().get("sluice_outside_group_seconds", 0) > 0, one.tail)
    assert one.metrics()["sluice_ready"] == 0
    wait_until(lambda: one.metrics()["sluice_consumer_rebuilds_total"] > 0, one.tail)
    assert "has given this member nothing for" in one.log()
    proxy.mend()
    publish(pipeline, topic, 1, first=1)
    pipeline.wait_caught_up(topic)
    wait_until(lambda: one.metrics()["sluice_outside_group_seconds"] == 0 and one.metrics()["sluice_ready"] == 1, one.tail)
    check_all(pipeline, topic, 2 * COUNT)
    assert one.stop() == 0
