"""Transactions of the source, kept whole: whoever reads the tables in one snapshot never sees a part of one."""
import re
import threading

import pytest
from confluent_kafka.admin import NewPartitions

from support.bank import ROUTE_TABLES, Bank, Reader, publish
from support.console import Access
from support.pipeline import route
from support.waiting import wait_until

SUMS = "SELECT (SELECT sum(balance) FROM accounts), (SELECT sum(balance) FROM tellers)"


def consistency(topic, transactions="source", timeout="60s"):
    return f'[consistency]\ntransactions = "{transactions}"\ntopic = "{topic}"\ntimeout = "{timeout}"\n'


@pytest.fixture
def bank(pipeline, seed):
    made = Bank(pipeline.name, seed)
    pipeline.topic("transaction")
    for table in ROUTE_TABLES:
        pipeline.topic(f"bank.{table}", made.partitions[table])
        pipeline.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, balance bigint)")
    publish(pipeline.kafka, made.snapshot())
    return made


def routes(bank):
    return "".join(route(bank.topic(table), f"public.{table}") for table in ROUTE_TABLES)


def topics(bank):
    return [bank.metadata, *map(bank.topic, ROUTE_TABLES)]


def balances(pipeline):
    return {table: dict(pipeline.sql(f"SELECT id, balance FROM {table}")) for table in ROUTE_TABLES}


class Sources(threading.Thread):
    """Each topic has a producer of its own, which falls behind the others and catches up: only the order within one is kept."""

    def __init__(self, kafka, bank, transactions):
        super().__init__(daemon=True)
        self.kafka, self.bank, self.transactions, self.error, self.sent = kafka, bank, transactions, None, 0

    def run(self):
        try:
            waiting, producers = {}, {}
            for number in range(self.transactions):
                for record in self.bank.transaction():
                    waiting.setdefault(record[:2], []).append(record)
                    producers.setdefault(record[0], self.kafka.producer(linger_ms=0))
                for place, records in waiting.items():
                    if self.bank.random.random() < 0.15 or number == self.transactions - 1:
                        count = len(records) if number == self.transactions - 1 else self.bank.random.randint(0, len(records))
                        publish(self.kafka, records[:count], producers[place[0]])
                        del records[:count]
                self.sent = number
        except Exception as error:  # pylint: disable=broad-except
            self.error = error


def test_a_reader_never_sees_a_part_of_a_transaction_while_services_are_killed(pipeline, bank, option):
    service = pipeline.service(routes(bank), rest=consistency(bank.metadata), kafka='instance = "one"')
    service.start()
    pipeline.wait_caught_up(*map(bank.topic, ROUTE_TABLES))
    sources = Sources(pipeline.kafka, bank, option("transactions", 400))
    with Reader(pipeline.database, SUMS) as reader:
        sources.start()
        for _ in range(option("kills", 3)):
            before = sum(pipeline.pointers().values())
            wait_until(lambda b=before: sum(pipeline.pointers().values()) > b or not sources.is_alive(), service.tail)
            service.kill9()
            service.start()
        sources.join(120)
        pipeline.wait_caught_up(*topics(bank))
    assert sources.error is None and not sources.is_alive()
    assert reader.torn == [] and len(reader.seen) > 1, (reader.looks, reader.torn[:3], reader.seen)
    assert balances(pipeline) == bank.balances
    assert pipeline.dead_letters() == {}
    skipped = pipeline.sql("SELECT skipped, applied FROM sluice.pointer WHERE topic = %s", bank.metadata)
    assert skipped == [(2 * bank.made, 0)]
    print(f"{reader.looks} looks, {len(reader.seen)} different sums, {bank.made} transactions")
    assert service.stop() == 0


def test_an_incomplete_transaction_stops_its_partitions_and_heals_when_the_rest_comes(pipeline, bank):
    service = pipeline.service(routes(bank), rest=consistency(bank.metadata, timeout="1s"))
    service.expected = ["state incomplete"]
    service.start()
    publish(pipeline.kafka, bank.transaction())
    pipeline.wait_caught_up(*topics(bank))
    held = balances(pipeline)
    records = bank.transaction(moves=2)
    late = [record for record in records if record[0] == bank.topic("tellers")][-1]
    records.remove(late)
    publish(pipeline.kafka, records)
    reason = pipeline.wait_state(bank.metadata, "incomplete")
    assert reason == f"transaction {1000 + bank.made}: 1 of 2 events have come in {bank.topic('tellers')}"
    assert balances(pipeline) == held
    assert service.get("/healthz")[0] == 200
    service.kill9()
    service.start()
    assert pipeline.wait_state(bank.metadata, "incomplete") == reason
    publish(pipeline.kafka, [late])
    pipeline.wait_caught_up(*topics(bank))
    assert pipeline.wait_state(bank.metadata, "ok") in (None, "")
    assert balances(pipeline) == bank.balances
    assert service.stop() == 0


def test_a_topic_may_be_given_partitions_within_a_transaction(pipeline, bank):
    service = pipeline.service(routes(bank), rest=consistency(bank.metadata),
                               properties='"topic.metadata.refresh.interval.ms" = "1000"').start()
    grown = bank.topic("tellers")
    pipeline.wait_caught_up(*map(bank.topic, ROUTE_TABLES))
    records = bank.transaction(moves=4)
    with Reader(pipeline.database, SUMS) as reader:
        publish(pipeline.kafka, records[:5])
        pipeline.kafka.admin.create_partitions([NewPartitions(grown, 3)])[grown].result(60)
        # Debezium's producer spreads by the key from here on.
        late = [(topic, number % 3 if topic == grown else place, key, value)
                for number, (topic, place, key, value) in enumerate(records[5:])]
        assert {record[1] for record in late if record[0] == grown} > {0}
        wait_until(lambda: len(pipeline.kafka.ends(grown)) == 3, service.tail, 60)
        publish(pipeline.kafka, late)
        bank.partitions["tellers"] = 3
        for _ in range(20):
            publish(pipeline.kafka, bank.transaction())
        pipeline.wait_caught_up(*topics(bank))
    assert reader.torn == [], reader.torn[:3]
    assert balances(pipeline) == bank.balances
    assert pipeline.dead_letters() == {}
    assert len([place for place in pipeline.pointers() if place[0] == grown]) == 3
    assert service.stop() == 0


@pytest.mark.state("incomplete")
def test_a_reclaim_gives_an_incomplete_transaction_up_and_applies_what_there_is(pipeline, bank):
    with Access() as access:
        service = pipeline.service(routes(bank), rest=consistency(bank.metadata, timeout="1s"), console=access.toml())
        service.expected = ["state incomplete"]
        service.start()
        records = bank.transaction(moves=2)
        late = [record for record in records if record[0] == bank.topic("tellers")][-1]
        records.remove(late)
        publish(pipeline.kafka, records)
        pipeline.wait_state(bank.metadata, "incomplete")
        told = access.run("reclaim", f"{bank.metadata}/0", key="k_adm")
        assert told.code == 7, told
        told = access.run("apply", re.search("'apply (p-....)'", told.err)[1], key="k_adm")
        assert told.code == 0, told
        pipeline.wait_caught_up(*topics(bank))
        pipeline.wait_state(bank.metadata, "ok")
        held = balances(pipeline)
        assert held != bank.balances and held["accounts"] == bank.balances["accounts"]
        publish(pipeline.kafka, [late])
        pipeline.wait_caught_up(*topics(bank))
        wait_until(lambda: balances(pipeline) == bank.balances, service.tail, 60)
        assert service.stop() == 0


def test_without_it_a_reader_does_see_a_part(pipeline, bank):
    """So the reader of the other tests can tell."""
    service = pipeline.service(routes(bank)).start()
    bank.balances["accounts"][0] += 1
    publish(pipeline.kafka, [bank.event(1, "accounts", 0, 1, 1)])
    with Reader(pipeline.database, SUMS) as reader:
        wait_until(lambda: reader.torn or reader.error, service.tail)
    assert reader.torn
    assert service.stop() == 0
