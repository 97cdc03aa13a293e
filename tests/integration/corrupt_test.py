"""Batches of records that arrive damaged: nothing is lost, and damage that stays stops its partition and no other."""
import types

import pytest

from fault.kafka_proxy import KafkaProxy
from support.pipeline import Services, encode, route
from support.waiting import wait_until

COUNT = 100  # records of a batch


@pytest.fixture
def proxy(kafka):
    proxy = KafkaProxy(kafka.bootstrap)
    yield proxy
    proxy.close()


@pytest.fixture
def service(pipeline, proxy):
    """service(topic): a service that reaches the broker through the proxy."""
    pipeline.sql("CREATE TABLE item (topic text, id bigint, PRIMARY KEY (topic, id))")
    services = Services(types.SimpleNamespace(bootstrap=proxy.bootstrap), pipeline.database)
    pipeline.service.made = services.made  # so that its logs are shown
    yield lambda topic, **more: services(route(topic, "public.item", key=["topic", "id"]), **more)


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


@pytest.mark.parametrize("which", (0, 1))
@pytest.mark.parametrize("how", ("magic", "crc", "codec", "length"))
def test_a_batch_that_is_damaged_once_is_read_again_and_nothing_is_lost(pipeline, proxy, service, how, which):
    topic = pipeline.topic("item")
    publish(pipeline, topic, 4)
    proxy.damage(topic, 0, how, which, times=1)
    one = service(topic).start()
    pipeline.wait_caught_up(topic)
    assert proxy.damaged == 1
    check_all(pipeline, topic, 4 * COUNT)
    assert one.stop() == 0
