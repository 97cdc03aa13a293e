"""Taking over from a Kafka Connect sink with the file that `sluice init --from-connect` makes of its configuration."""
import json
import pathlib
import urllib.parse

from confluent_kafka import Consumer, TopicPartition

from support.pipeline import encode
from support.sluice import run

SURROUNDINGS = '\n[console]\nlisten = ""\n[http]\nlisten = "127.0.0.1:{}"\n'


def sink(pipeline, folder, topic):
    """The configuration of a sink that appends each record with its place."""
    url = urllib.parse.urlsplit(pipeline.url)
    path = folder / "sink.json"
    path.write_text(json.dumps({"name": f"{pipeline.name}-sink", "config": {
        "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector", "tasks.max": 2, "topics": topic,
        "connection.url": f"jdbc:postgresql://{url.hostname}:{url.port}{url.path}", "connection.user": url.username,
        "table.name.format": "public.item", "insert.mode": "insert", "pk.mode": "kafka", "errors.tolerance": "all",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": False}}))
    return path


def commit(pipeline, group, topic, offsets):
    """What Connect does: commits of its group."""
    consumer = Consumer({"bootstrap.servers": pipeline.kafka.bootstrap, "group.id": group, "enable.auto.commit": False})
    try:
        consumer.commit(offsets=[TopicPartition(topic, *one) for one in offsets.items()], asynchronous=False)
    finally:
        consumer.close()


def test_a_pipeline_goes_on_where_the_sink_has_committed_without_a_loss_or_a_repetition(pipeline, tmp_path):
    pipeline.sql("CREATE TABLE item (id bigint, __connect_topic text, __connect_partition int, __connect_offset bigint)")
    topic = pipeline.topic("item", 2)
    for partition in (0, 1):
        pipeline.kafka.publish(topic, [(None, encode({"id": n})) for n in range(50)], partition)
    committed = {0: 30, 1: 7}
    for partition, end in committed.items():  # what the sink has written
        pipeline.sql("INSERT INTO item SELECT n, %s, %s, n FROM generate_series(0, %s) n", topic, partition, end - 1)
    commit(pipeline, f"connect-{pipeline.name}-sink", topic, committed)

    made = run("init", "--from-connect", str(sink(pipeline, tmp_path, topic)), "--brokers", pipeline.kafka.bootstrap)
    assert made.returncode == 0, made.stderr
    service = pipeline.service("", pipeline=f"{pipeline.name}-sink")
    pathlib.Path(service.config).write_text(made.stdout + SURROUNDINGS.format(service.port), encoding="utf-8")
    assert run("check", "--config", service.config).returncode == 0
    assert f'start = "group:connect-{pipeline.name}-sink"' in made.stdout
    service.start()
    pipeline.wait_caught_up(topic)
    rows = pipeline.sql("SELECT __connect_partition, __connect_offset, id, __connect_topic FROM item ORDER BY 1, 2")
    assert rows == [(partition, n, n, topic) for partition in (0, 1) for n in range(50)]
    assert pipeline.dead_letters() == {}
    assert service.stop() == 0
