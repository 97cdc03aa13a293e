"""What waits for PostgreSQL stays within its limits, also records that have no value."""
import contextlib

import psycopg2
import pytest

from fault.proxy import Proxy
from support.pipeline import route
from support.waiting import wait_until


# With 256 partitions, limits of each queue alone would let all of them in: 190 MiB.
@pytest.mark.parametrize("partitions, tombstones, mebibytes", [(8, 300_000, 80), (256, 600_000, 100)])
def test_a_backlog_of_tombstones_is_not_fetched_into_memory_while_postgresql_is_away(pipeline, partitions, tombstones, mebibytes):
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    topic = pipeline.topic("item", partitions)
    pipeline.kafka.fill(topic, ((b"%d" % number, None, number % partitions) for number in range(tombstones)))
    with contextlib.closing(Proxy(pipeline.postgres.port)) as proxy:
        service = pipeline.service(route(topic, "public.item"), url=proxy.url(pipeline.url))
        with contextlib.closing(psycopg2.connect(pipeline.url)) as holder:
            holder.cursor().execute("LOCK TABLE item IN EXCLUSIVE MODE")  # a first batch is on its way, and no further one
            service.start(ready=False)
            wait_until(lambda: pipeline.sql("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'item'::regclass"), service.tail)
            proxy.refuse(600)
        sizes = [service.resident()]

        def settled():
            sizes.append(service.resident())
            return len(sizes) > 8 and max(sizes[-8:]) - min(sizes[-8:]) < 0.5
        wait_until(settled, service.tail, 60, every=0.25)
        backlog = tombstones - sum(pipeline.pointers().values())
        print(f"{max(sizes):.0f} MiB with {backlog} tombstones waiting")
        assert backlog > tombstones / 2
        assert max(sizes) < mebibytes
        proxy.forget()
        pipeline.wait_caught_up(topic)
        assert service.stop() == 0
