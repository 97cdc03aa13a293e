"""sluice publish --snapshot: after it the topic, and the table that it feeds, hold exactly the rows of stdin."""
import json
import signal
import subprocess
import threading

from confluent_kafka import Consumer, Producer, TopicPartition

from support.pipeline import encode, route
from support.sluice import Sluice, environment, run
from support.waiting import wait_until


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def rows_of(ids, n):
    return [{"id": one, "name": f"{n}.{one}"} for one in ids]


def publish(pipeline, topic, text, *words):
    return run("publish", "--brokers", pipeline.kafka.bootstrap, "--topic", topic, "--key", "id", "--snapshot", *words, text=text)


def committed(pipeline, topic, partitions):
    return {partition: pipeline.kafka.readable(topic, partition) for partition in range(partitions)}


def written(pipeline, topic):
    """Offsets of the topic, also those that are not committed."""
    consumer = Consumer({"bootstrap.servers": pipeline.kafka.bootstrap, "group.id": "reader", "isolation.level": "read_uncommitted"})
    try:
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=60)[1] for partition in (0, 1))
    finally:
        consumer.close()


def test_a_table_equals_the_last_of_several_snapshots(pipeline, tmp_path):
    """Also keys that another client has placed elsewhere, and a key that has lived in two partitions."""
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    item = pipeline.topic("item", 3)
    elsewhere = [(b"%d" % n, encode({"id": n, "name": "old"})) for n in (1, 2, 3, 900, 901)]
    pipeline.kafka.publish(item, elsewhere, 2)
    pipeline.kafka.publish(item, [(b"900", encode({"id": 900, "name": "old"})), (b"902", None)], 1)
    service = pipeline.service(route(item, "public.item")).start()
    pipeline.wait_caught_up(item)
    receipt = tmp_path / "receipt"
    snapshots = [range(0, 300), range(200, 700, 3), [5, 1, 699]]
    for n, ids in enumerate(snapshots):
        done = publish(pipeline, item, lines(rows_of(ids, n)), "--receipt", str(receipt), "--wait", "--config", service.config)
        assert done.returncode == 0, done
        assert pipeline.sql("SELECT id, name FROM item ORDER BY id") == [(one, f"{n}.{one}") for one in sorted(ids)], n
    removed = len(set(snapshots[1]) - set(snapshots[2]))
    assert f"published 3 events and {removed} tombstones in one transaction" in done.stderr
    told = [json.loads(line) for line in receipt.read_text().splitlines()]
    assert len(told) == 3 + removed
    one = next(line for line in told if line["key"] == "1")
    assert one["partition"] == 2, "its row follows the records that the key has"
    again = publish(pipeline, item, lines(rows_of(snapshots[2], 2)))
    assert again.returncode == 0 and "published 3 events and 0 tombstones" in again.stderr, again
    pipeline.wait_caught_up(item)
    assert pipeline.dead_letters() == {}
    assert service.stop() == 0


def test_of_a_snapshot_that_fails_nothing_is_visible(pipeline, tmp_path):
    topic = pipeline.topic("item", 2)
    pipeline.kafka.publish(topic, [(b"1", b'{"id":1}')], 0)
    before = committed(pipeline, topic, 2)
    receipt = tmp_path / "receipt"
    wrong = {
        '{"id":2}\n' * 500 + "not JSON\n": "stdin:501: not a JSON object; nothing is published\n",
        '{"id":2}\n{"name":"x"}\n': 'stdin:2: has no field "id" for the key; nothing is published\n',
        "": f"sluice publish: the snapshot has no row, which would remove every key of {topic}; nothing is published. "
            "If that is meant, add --allow-empty\n",
        "\n \n": "the snapshot has no row",
    }
    for text, told in wrong.items():
        refused = publish(pipeline, topic, text, "--receipt", str(receipt))
        assert refused.returncode == 1 and told in refused.stderr, refused
        assert receipt.read_text() == "", refused
    words = ["publish", "--brokers", pipeline.kafka.bootstrap, "--topic", topic, "--key", "id", "--snapshot"]
    before_all = written(pipeline, topic)
    with subprocess.Popen([Sluice.binary, *words], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=environment()) as process:
        process.stdin.write('{"id":3}\n')
        process.stdin.flush()
        wait_until(lambda: written(pipeline, topic) > before_all, "a record that is not committed", 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
        assert "interrupted; nothing is published" in process.stderr.read()
    empty = publish(pipeline, topic, "", "--allow-empty")
    assert empty.returncode == 0 and "published 0 events and 1 tombstone in one transaction" in empty.stderr, empty
    after = committed(pipeline, topic, 2)
    assert {partition: len(found) for partition, found in after.items()} == {0: 2, 1: 0} and before[0] == [0], after
    usage = run("publish", "--brokers", pipeline.kafka.bootstrap, "--topic", topic, "--snapshot", text="")
    assert usage.returncode == 2 and "--key" in usage.stderr, usage


def test_a_signal_ends_the_wait_at_once_and_one_that_is_ignored_ends_nothing(pipeline):
    """Under nohup SIGHUP is ignored, and stays so. What is committed leaves nothing to put away: the wait ends as any command does."""
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    topic = pipeline.topic("item", 2)
    never_started = pipeline.service(route(topic, "public.item"))
    words = ["publish", "--brokers", pipeline.kafka.bootstrap, "--topic", topic, "--key", "id", "--snapshot", "--wait",
             "--config", never_started.config, "--timeout", "1h"]
    with subprocess.Popen([Sluice.binary, *words], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
                          preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        try:
            process.stdin.write('{"id":3}\n')
            process.stdin.flush()
            wait_until(lambda: written(pipeline, topic) > 0, "a record that is not committed", 60)
            process.send_signal(signal.SIGHUP)
            process.stdin.close()
            told = process.stderr.readline()
            while told and " in one transaction" not in told:
                told = process.stderr.readline()
            assert "published 1 event and 0 tombstones" in told, told
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) in (1, -signal.SIGTERM), "1: it came before the wait had begun"
        finally:
            process.kill()


def test_a_key_that_an_open_transaction_hides_is_seen_once_it_has_ended(pipeline):
    topic = pipeline.topic("item", 1)
    producer = Producer({"bootstrap.servers": pipeline.kafka.bootstrap, "transactional.id": f"other-{topic}"})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(topic, b'{"id":1}', b"1")
    assert producer.flush(60) == 0
    end = threading.Timer(3, producer.commit_transaction, (60,))
    end.start()
    done = publish(pipeline, topic, '{"id":2}\n')
    end.join()
    assert done.returncode == 0 and "published 1 event and 1 tombstone in one transaction" in done.stderr, done
