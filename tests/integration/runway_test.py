"""How long Kafka keeps what is not applied, as a topic's real configuration says."""
import json

from support.console import Access
from support.pipeline import encode, route
from support.waiting import wait_until


def test_runway_says_until_when_retention_keeps_what_is_not_applied(pipeline):
    hour = 3600
    kept = pipeline.topic("kept", retention_ms=hour * 1000, retention_bytes=1 << 30)
    forever, compacted = pipeline.topic("forever"), pipeline.topic("compacted", cleanup_policy="compact")
    pipeline.sql("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    with Access() as access:
        def answer(*words, key="k_oper"):
            done = access.run(*words, key=key)
            assert done.code == 0, done
            return done.out

        def runway():
            rows = json.loads(answer("runway", "--json", key="k_view"))["data"]["partitions"]
            return {row["partition"].rpartition("/")[0]: row for row in rows}

        service = pipeline.service("".join(route(topic, "public.item") for topic in (kept, forever, compacted)),
                                   console=access.toml()).start()
        publish = lambda number: [pipeline.kafka.publish(topic, [(b"%d" % number, encode({"id": number, "name": "x"}))])
                                  for topic in (kept, forever, compacted)]
        publish(1)
        pipeline.wait_caught_up(kept, forever, compacted)
        wait_until(lambda: {row["remark"] for row in runway().values()} == {"nothing waits"}, runway)
        answer("drain", "--reason", "look", "--yes")
        publish(2)
        wait_until(lambda: [row["oldest"] is not None for row in runway().values()] == [True] * 3, runway)
        told = runway()
        assert list(told)[0] == kept, "the shortest comes first"
        assert 0 < told[kept]["left_seconds"] <= told[kept]["retention_seconds"] == hour
        assert told[kept]["remark"] == "retention.bytes = 1GiB may delete it sooner"
        assert told[forever]["remark"] == "unknown: retention.ms is unlimited"
        assert told[compacted]["remark"] == "unknown: the topic is compacted, and nothing is deleted by age or size"
        answer("resume", "all")
        pipeline.wait_caught_up(kept, forever, compacted)
        assert service.stop() == 0
