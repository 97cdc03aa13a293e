"""A schema registry in every kind of trouble while a producer writes Avro with ever new schemas: nothing is lost, nothing is a dead
letter, and what waits does not pile up in memory. With a real registry, which is killed: registry_killed.py.
"""
import contextlib

from support.avro_load import GROWTH, PARTITIONS, TABLE, Writer, all_in_state, check_nothing_lost, known_row, rows_of, schema
from support.pipeline import route
from support.registry import StubRegistry
from support.waiting import wait_until

TROUBLE = [500, "slow", "rubbish", "endless", "cut", "away"]
BACKLOG = 120  # MiB that wait in Kafka at least while the registry is away


def test_nothing_is_lost_and_memory_is_bounded_whatever_the_trouble_of_the_registry_under_load(pipeline):
    pipeline.sql(TABLE.format("rows") + ";" + TABLE.format("known"))
    topic, known = pipeline.topic("rows", PARTITIONS), pipeline.topic("known")
    phases = range(1, len(TROUBLE) + 2)
    with contextlib.closing(contextlib.ExitStack()) as stack:
        stub = StubRegistry({str(phase): {"schema": schema(phase)} for phase in phases})
        stack.callback(stub.remove)
        service = pipeline.service(route(topic, "public.rows", format="avro") + route(known, "public.known"),
                                   rest=f'[registry]\nurl = "{stub.url}"\ntimeout = "1s"\n').start()
        service.expected.append("stopped in state schema")
        with Writer(pipeline.kafka, topic).running() as writer:
            wait_until(lambda: rows_of(pipeline, 1), service.tail)
            usual = service.resident()
            for phase, mode in enumerate(TROUBLE, 2):
                stub.become(mode)
                writer.phase = phase
                wait_until(lambda: all_in_state(pipeline, topic, "schema"), lambda m=mode: f"{m}\n{service.tail()}")
                if mode == "away":
                    service.kill9()
                    service.start(ready=False)
                    pipeline.kafka.publish(known, [known_row(1)])
                    wait_until(lambda: pipeline.sql("SELECT id FROM public.known") == [(1,)], service.tail)
                    wait_until(lambda: writer.waiting() > BACKLOG, "the backlog", 120)
                    wait_until(lambda: all_in_state(pipeline, topic, "schema"), service.tail)
                largest = service.status_of("VmHWM") / 1024
                print(f"{mode}: {largest:.0f} MiB at most, {usual:.0f} in the beginning, {writer.waiting():.0f} MiB waited")
                assert largest - usual < GROWTH
                stub.become("ok")
                wait_until(lambda p=phase: rows_of(pipeline, p), lambda m=mode: f"after {m}\n{service.tail()}")
        check_nothing_lost(pipeline, topic, writer, len(phases))
        service.stop()
