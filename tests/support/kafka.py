"""A Kafka cluster of the test's own, started by tools/kafka, and the few client calls that tests need."""
import json
import os
import pathlib
import subprocess
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from support.server import TOOLS, Server

SECONDS = 60


class Kafka(Server):
    tool = "kafka"

    def __init__(self, nodes=1, memory="512m"):
        super().__init__()
        self.bootstrap = self.begin("--nodes", str(nodes), "--memory", memory)
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap})

    def restart(self):
        self.call("restart")

    def kill(self):
        self.call("kill")

    def start(self):
        self.call("start")

    def create_topic(self, name, partitions=1, **config):
        """config: a topic's settings with _ for the dot, e.g. cleanup_policy="compact"."""
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        new = NewTopic(name, num_partitions=partitions, replication_factor=1, config=settings)
        for attempt in range(20):  # right after a deletion the name is still taken
            try:
                self.admin.create_topics([new], request_timeout=SECONDS)[name].result(SECONDS)
                break
            except Exception as error:  # pylint: disable=broad-except
                if attempt == 19 or "EXISTS" not in str(error):
                    raise
                time.sleep(0.2)
        self._wait_leaders(name, partitions)
        return name

    def create_topics(self, topics):
        """topics: {name: partitions}, all at once."""
        new = [NewTopic(name, num_partitions=partitions, replication_factor=1) for name, partitions in topics.items()]
        for made in self.admin.create_topics(new, request_timeout=SECONDS).values():
            made.result(SECONDS)
        for name, partitions in topics.items():
            self._wait_leaders(name, partitions)

    def _wait_leaders(self, name, partitions):
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            topic = self.admin.list_topics(name, timeout=SECONDS).topics.get(name)
            if topic and len(topic.partitions) == partitions and all(p.leader >= 0 for p in topic.partitions.values()):
                return
            time.sleep(0.05)
        raise RuntimeError(f"topic {name} has no leaders")

    def delete_topic(self, name):
        self.admin.delete_topics([name], operation_timeout=SECONDS)[name].result(SECONDS)

    def producer(self, **more):
        return Producer({"bootstrap.servers": self.bootstrap, "enable.idempotence": True, "linger.ms": 5,
                         "queue.buffering.max.messages": 1000000, **{k.replace("_", "."): v for k, v in more.items()}})

    def publish(self, topic, records, partition=None, producer=None):
        """records: (key, value) as bytes or None. Returns the (partition, offset) of each, in order."""
        producer = producer or self.producer()
        where = [None] * len(records)

        def delivered(index):
            def note(error, message):
                if error:
                    raise RuntimeError(str(error))
                where[index] = (message.partition(), message.offset())
            return note

        for index, (key, value) in enumerate(records):
            more = {} if partition is None else {"partition": partition}
            producer.produce(topic, value=value, key=key, on_delivery=delivered(index), **more)
            if index % 10000 == 0:
                producer.poll(0)
        if producer.flush(120):
            raise RuntimeError(f"not everything was delivered to {topic}")
        return where

    def fill(self, topic, records, **producer):
        """Records of (key, value, partition), as many as there are, in large requests; nobody asks where they went."""
        sender = self.producer(linger_ms=50, batch_size=1000000, **producer)
        for index, (key, value, partition) in enumerate(records):
            while True:
                try:
                    sender.produce(topic, value=value, key=key, partition=partition)
                    break
                except BufferError:
                    sender.poll(0.05)
            if index % 10000 == 0:
                sender.poll(0)
        if sender.flush(300):
            raise RuntimeError(f"not everything was delivered to {topic}")

    def ends(self, topic):
        """The end offset of every partition."""
        return {partition: high for partition, (_, high) in self.watermarks(topic).items()}

    def watermarks(self, topic):
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "watermarks"})
        try:
            partitions = self.admin.list_topics(topic, timeout=SECONDS).topics[topic].partitions
            return {p: self._watermarks(consumer, TopicPartition(topic, p)) for p in partitions}
        finally:
            consumer.close()

    @staticmethod
    def _watermarks(consumer, place):
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return consumer.get_watermark_offsets(place, timeout=SECONDS)
            except KafkaException as error:  # a partition is listed a moment before it can be asked
                if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def readable(self, topic, partition=0):
        """The offsets that a reader of committed records finds."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "reader", "enable.partition.eof": True,
                             "isolation.level": "read_committed"})
        consumer.assign([TopicPartition(topic, partition, 0)])
        found = []
        try:
            while True:
                message = consumer.poll(SECONDS)
                if message is None or message.error():
                    return found
                found.append(message.offset())
        finally:
            consumer.close()

    def delete_records(self, topic, partition, before):
        """Kafka's own tool, as this client has no DeleteRecords."""
        request = self.dir / "delete.json"
        request.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": topic, "partition": partition, "offset": before}]}))
        libraries = next(self.cache().glob("libs-*"))
        subprocess.run(["java", "-cp", f"{libraries}/*", "org.apache.kafka.tools.DeleteRecordsCommand", "--bootstrap-server",
                        self.bootstrap, "--offset-json-file", str(request)], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @staticmethod
    def cache():
        return pathlib.Path(os.environ.get("SLUICE_CACHE", TOOLS.parent / ".cache")) / "kafka"


class EmbeddedBroker(Kafka):
    """The broker of `sluice demo`, in a process of its own: there in a moment, where a test is not about Kafka. Topics
    make themselves, with four partitions; each keeps its last 5 MiB."""
    PARTITIONS = 4

    def __init__(self):
        from support.sluice import Sluice, environment
        self.process = subprocess.Popen([Sluice.binary, "demo-broker", "nothing"], stdout=subprocess.PIPE, text=True,
                                        env=environment())
        self.bootstrap = self.process.stdout.readline().strip()
        if not self.bootstrap:
            raise RuntimeError("the embedded broker does not start")
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap})

    def create_topic(self, name, partitions=PARTITIONS, **config):
        if partitions != self.PARTITIONS or config:
            raise ValueError("the embedded broker makes topics of four partitions, without settings")
        self._wait_leaders(name, partitions)
        return name

    def remove(self):
        self.process.terminate()
        self.process.wait(60)
        self.process.stdout.close()
