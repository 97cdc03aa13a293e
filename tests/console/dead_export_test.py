"""dead export with the real client, and the way back: `sluice publish --envelope` takes its lines."""
import json
import os
import subprocess

import pytest
from confluent_kafka import Consumer, TopicPartition

from support.json_schema import check_line
from support.waiting import wait_until


def read(kafka, topic, count):
    """The first records of a topic: key, value, headers."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(4)])
    found = []
    try:
        def poll():
            message = consumer.poll(0.2)
            if message is not None and not message.error():
                found.append((message.key(), message.value(), message.headers() or []))
            return len(found) >= count
        wait_until(poll, lambda: f"{len(found)} of {count} records of {topic}")
    finally:
        consumer.close()
    return found


@pytest.mark.case(29)
@pytest.mark.alone
def test_what_is_exported_can_be_published_again_byte_for_byte(console, pytestconfig):
    records = [(b"50000", b'{"id": 50000, "status": null, "note": "\\u001b]0;owned \xe2\x80\x8b"}', [("h", b"v"), ("h", None)]),
               (b"\xff\x00", b"\x80\x00 no json", [("bytes", b"\xff\x00"), ("empty", b"")]),
               (b"nul\x00", b"a\x00b", []),
               (None, b"", [])]
    producer = console.kafka.producer()
    for key, value, headers in records:
        producer.produce(console.orders, key=key, value=value, headers=headers, partition=2)
    assert producer.flush(60) == 0
    console.wait_caught_up(console.orders)
    out = console.ok("dead", "export", "--topic", console.orders, key="k_oper")
    lines = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        check_line("dead export", line)
    assert [(one["letter"]["partition"], one["letter"]["stage"]) for one in lines[:2]] == [(2, "write"), (2, "decode")]
    assert (lines[0]["key"], lines[0]["letter"]["sqlstate"], lines[1]["key_base64"]) == ("50000", "23502", "/wA=")
    assert [one["letter"]["offset"] for one in lines] == sorted(one["letter"]["offset"] for one in lines)

    again = console.kafka.create_topic(f"{console.name}.again", 4)
    command = [pytestconfig.getoption("--sluice"), "publish", "--brokers", console.kafka.bootstrap, "--topic", again, "--envelope"]
    done = subprocess.run(command, input=out.encode(), capture_output=True, timeout=120, env=os.environ)
    assert done.returncode == 0, done.stderr.decode()
    assert sorted(read(console.kafka, again, len(records)), key=str) == sorted(records, key=str)
    wait_until(lambda: any("done: 4 open dead letters" in row for row in map(str, console.audit("dead export"))),
               lambda: console.audit("dead export"))
    console.refused(3, "needs role operator", "dead", "export", key="k_view")
    console.refused(2, "lines of JSON only", "dead", "export", "--csv", key="k_oper")


@pytest.mark.case(29)
@pytest.mark.alone
def test_an_export_of_many_large_letters_needs_the_memory_of_a_few(console):
    console.sql("INSERT INTO sluice.dead_letter (pipeline, topic, partition, record_offset, generation, stage, reason, key, value) "
                f"SELECT '{console.name}', 'other', 0, n, 1, 'write', 'made for this test', 'k', repeat('x', 200000)::bytea "
                "FROM generate_series(1, 1000) n")
    console.ok("dead", "list", "--limit", "1", key="k_oper")
    before = console.rss()
    with open(f"/proc/{console.live.process.pid}/clear_refs", "w") as file:
        file.write("5")  # the peak counts from now on
    out = console.ok("dead", "export", "--topic", "other", key="k_oper")
    growth = console.live.status_of("VmHWM") / 1024 - before
    print(f"peak {growth:+.1f} MiB over {before:.1f}")
    assert [json.loads(line)["letter"]["offset"] for line in out.splitlines()] == list(range(1, 1001))
    assert console.sanitized() or growth < 40
