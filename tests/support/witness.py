"""A numbered stream into a table without a key: a record that takes effect twice is two rows, one that is lost is a gap."""
import json
import threading
import time

from support.pipeline import route
from support.waiting import wait_until


class Witness(threading.Thread):
    """Produces about 5,000 records a second from start() to finish(); a broker that is away for a while is waited for."""

    def __init__(self, pipeline, partitions):
        super().__init__(daemon=True)
        self.pipeline, self.partitions = pipeline, partitions
        pipeline.sql("CREATE TABLE witness (number bigint, text text)")
        self.topic = pipeline.topic("witness", partitions)
        self.produced, self.enough, self.error = 0, threading.Event(), None

    def route(self):
        return route(self.topic, "public.witness", [], mode="insert")

    def run(self):
        try:
            producer = self.pipeline.kafka.producer()
            while not self.enough.is_set():
                for _ in range(250):
                    value = json.dumps({"number": self.produced, "text": "x" * 40}).encode()
                    producer.produce(self.topic, value=value, partition=self.produced % self.partitions)
                    self.produced += 1
                if producer.flush(60):
                    raise RuntimeError("the broker takes nothing")
                self.enough.wait(0.05)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def finish(self):
        self.enough.set()
        if self.is_alive():
            self.join(90)

    def wait_progress(self, seconds=60):
        """Seconds until a pointer had moved."""
        def committed():
            return sum(self.pipeline.pointers().values())
        before, began = committed(), time.monotonic()
        wait_until(lambda: committed() > before, lambda: f"no progress\n{self.pipeline.logs(3000)}", seconds, every=0.02)
        return time.monotonic() - began

    def check(self):
        """Ends the stream; then every record has taken effect once."""
        self.finish()
        assert self.error is None
        self.pipeline.wait_caught_up(self.topic)
        count, distinct = self.pipeline.sql("SELECT count(*), count(DISTINCT number) FROM witness")[0]
        assert distinct == self.produced, "lost"
        assert count == distinct, "repeated"
