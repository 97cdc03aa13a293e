"""What waits for PostgreSQL stays within its limits, also records that have no value."""
import pathlib

from fault.proxy import Proxy
from support.pipeline import route
from support.waiting import wait_until

TOMBSTONES, PARTITIONS, MEBIBYTES = 300_000, 8, 80


def resident(pid):
    """MiB now."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def test_a_backlog_of_tombstones_is_not_fetched_into_memory_while_postgresql_is_away(pipeline, option):
    count = option("events", TOMBSTONES)
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    topic = pipeline.topic("item", PARTITIONS)
    proxy = Proxy(pipeline.postgres.port)
    try:
        producer = pipeline.kafka.producer(linger_ms=20)
        for number in range(count):
            producer.produce(topic, key=b"%d" % number, partition=number % PARTITIONS)
            if number % 1000 == 0:
                producer.poll(0)
        assert producer.flush(120) == 0
        service = pipeline.service(route(topic, "public.item"), url=proxy.url(pipeline.url))
        service.start(ready=False)
        wait_until(lambda: any(pipeline.pointers().values()), service.tail, 60, every=0.001)
        proxy.refuse(600)
        sizes = [resident(service.process.pid)]

        def settled():
            sizes.append(resident(service.process.pid))
            return len(sizes) > 8 and max(sizes[-8:]) - min(sizes[-8:]) < 0.5
        wait_until(settled, service.tail, 60, every=0.25)
        print(f"{max(sizes):.0f} MiB with {count} tombstones waiting")
        assert max(sizes) < MEBIBYTES
        proxy.forget()
        pipeline.wait_caught_up(topic)
        assert service.stop() == 0
    finally:
        proxy.close()
