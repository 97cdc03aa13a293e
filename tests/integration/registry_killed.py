"""A real schema registry, with its schemas in a file, that is killed again and again while a producer writes Avro with ever new
schemas. Each start of it takes 15 to 30 seconds, so this is a part of `tools/test --long` only.

    /usr/bin/python3 -m pytest tests/integration/registry_killed.py [--rounds N]
"""
import contextlib

from support.avro_load import PARTITIONS, TABLE, Writer, all_in_state, check_nothing_lost, known_row, rows_of, schema
from support.pipeline import route
from support.registry import Registry
from support.waiting import wait_until

# MiB. What the service may grow by: Kafka's queues, and for two lanes two batches each, as records, rows and statements
# (docs/operations.md); and what waits in Kafka at least while the registry is away.
GROWTH, BACKLOG = 150, 200


def test_nothing_is_lost_and_memory_is_bounded_when_a_real_registry_is_killed_and_started_under_load(pipeline, option):
    """In turn: the service waits when the registry comes back; it is killed and started meanwhile; nobody waits for anything."""
    pipeline.sql(TABLE.format("rows") + ";" + TABLE.format("known"))
    topic, known = pipeline.topic("rows", PARTITIONS), pipeline.topic("known")
    phases = range(1, option("rounds", 3) + 2)
    with contextlib.closing(contextlib.ExitStack()) as stack:
        registry = Registry(keep=True)
        stack.callback(registry.remove)
        numbers = {1: registry.register("phase1", "AVRO", schema(1))}
        service = pipeline.service(route(topic, "public.rows", format="avro") + route(known, "public.known"),
                                   rest=f'[registry]\nurl = "{registry.url}"\ntimeout = "1s"\n').start()
        service.expected.append("stopped in state schema")
        with Writer(pipeline.kafka, topic, numbers).running() as writer:
            wait_until(lambda: rows_of(pipeline, 1), service.tail)
            usual = service.resident()
            for phase in phases[1:]:
                numbers[phase] = registry.register(f"phase{phase}", "AVRO", schema(phase))
                registry.call("kill")
                writer.phase = phase
                if phase % 3 != 1:
                    wait_until(lambda: all_in_state(pipeline, topic, "schema"), service.tail)
                if phase % 3 == 0:
                    service.kill9()
                    service.start(ready=False)
                    before = pipeline.pointers().get((known, 0), 0)
                    pipeline.kafka.publish(known, [known_row(numbers[1])])
                    wait_until(lambda b=before: pipeline.pointers().get((known, 0), 0) > b, service.tail)
                    wait_until(lambda: all_in_state(pipeline, topic, "schema"), service.tail)
                wait_until(lambda: phase % 3 == 1 or writer.waiting() > BACKLOG, "the backlog", 120)
                registry.call("start")
                wait_until(lambda p=phase: rows_of(pipeline, p), service.tail)
                largest = service.status_of("VmHWM") / 1024
                print(f"{phase}: {largest:.0f} MiB at most, {usual:.0f} in the beginning, {writer.waiting():.0f} MiB waited")
                assert largest - usual < GROWTH
        assert pipeline.sql("SELECT count(*) FROM public.known") == [(1,)]
        check_nothing_lost(pipeline, topic, writer, len(phases))
        service.stop()
