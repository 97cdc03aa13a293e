"""Instances of the service in one group, on a Kafka and a PostgreSQL of their own, started and ended on purpose.

An instance that ends without having been told to is a violation, except at a fault point that was armed.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import re
import signal
import time

import psycopg2

from fault.kafka_proxy import KafkaProxy
from fault.proxy import Proxy
from fault.wrong_clock import WrongClock
from support.kafka import Kafka
from support.postgres import Postgres
from support.sluice import SANITIZER, Sluice, is_sanitized

SESSION = 2000  # ms: how soon the group notices that a member is gone
BATCH = '[batch]\nrows = {rows}\nadaptive = false\nlinger = "{linger}"'
OPEN = """SELECT client_port FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'sluice/%%'
          AND state <> 'idle' AND xact_start IS NOT NULL AND query NOT ILIKE 'select%%pg_catalog%%'"""
FENCED = re.compile(r"fenced, claiming again")
POSTGRES_BAD = re.compile(r"PANIC|deadlock detected|TRAP|was terminated by signal")
# Damaged bytes that the checksum does not cover, a length above all, can make the client library end the process.
LIBRARY_ENDS = re.compile(r"rdbuf\.c:\d+: \w+: Assertion")
KAFKA_PROPERTIES = '"heartbeat.interval.ms" = "500"\n"reconnect.backoff.max.ms" = "1000"'


class Instance:
    """One place in the group; the process in it comes and goes."""

    def __init__(self, cluster, number):
        self.cluster, self.number = cluster, number
        self.service, self.point, self.told = None, None, False
        self.binary = None  # another version's, instead of the one under test
        self.clock = WrongClock() if cluster.clocks else None
        # Every second one reaches PostgreSQL through a proxy that can do harm; the others directly.
        self.proxy = Proxy(cluster.postgres.port, seed=f"{cluster.seed}/{number}") if number % 2 else None
        # One reaches Kafka through a proxy that can damage what it reads.
        self.broker = KafkaProxy(cluster.kafka.bootstrap) if number == cluster.damaged else None

    def start(self, strategy="range", point=None, batch=None):
        """point: armed fault points, as in SLUICE_FAULT. batch: rows and linger, if not small and short."""
        cluster = self.cluster
        if self.service:
            cluster.collect(self.service)
        brokers = self.broker.bootstrap if self.broker else cluster.kafka.bootstrap
        self.service = Sluice(brokers, cluster.url(self), cluster.routes, pipeline=cluster.database,
                              session=SESSION, properties=KAFKA_PROPERTIES, kafka=f'strategy = "{strategy}"',
                              rest=BATCH.format(**{"rows": 50, "linger": "5ms", **(batch or {})}), **cluster.environment,
                              **(self.clock.environment() if self.clock else {}))
        if self.binary and not point:  # which it might not have
            self.service.binary = self.binary
        if point:
            self.service.env.update(SLUICE_FAULT=point, SLUICE_FAULT_SEED=str(cluster.seed))
        self.point, self.told = point, False
        self.service.start(ready=False)
        cluster.history.note("start", instance=self.number, pid=self.service.process.pid, strategy=strategy, point=point,
                             **({"binary": self.service.binary} if self.binary else {}))

    def running(self):
        return self.service is not None and self.service.running()

    def kill(self):
        self.told = True
        self.service.kill9()
        self.cluster.history.note("killed", instance=self.number)

    def stop(self, seconds=60):
        """SIGTERM: it must drain and end with 0."""
        self.told = True
        try:
            code = self.service.stop(seconds)
        except AssertionError as error:
            code = str(error)
        self.cluster.history.note("stopped", instance=self.number, code=code)
        # Whoever is told before main() has begun ends as any process does; then it has not said a word yet.
        if code != 0 and not (code == -signal.SIGTERM and not self.service.log()):
            self.cluster.history.violate("ended", f"instance {self.number} ended with {code} after SIGTERM\n{self.service.tail(1500)}")

    def freeze(self):
        self.service.signal(signal.SIGSTOP)

    def thaw(self):
        self.service.signal(signal.SIGCONT)

    def fenced(self):
        return len(FENCED.findall(self.service.log())) if self.service else 0

    def ports(self):
        """The local ports of its connections to PostgreSQL: what tells its backends from the others'."""
        inodes = set()
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{self.service.process.pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(f"/proc/{self.service.process.pid}/fd/{name}")
                    if target.startswith("socket:["):
                        inodes.add(target[8:-1])
        lines = pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        fields = [line.split() for line in lines]
        return {int(field[1].split(":")[1], 16) for field in fields if field[9] in inodes}


class Cluster:
    """environment: for the instances, e.g. SLUICE_BUG. routes must be set before the first start."""
    clocks = False  # whether each instance has a wall clock of its own
    damaged = 2  # the instance whose way to Kafka can be damaged

    def __init__(self, history, seed, instances=3, name="torture", **environment):
        self.history, self.seed, self.database, self.environment = history, seed, name, environment
        self.clocks = not is_sanitized(Sluice.binary)
        self.kafka, self.postgres = Kafka(), Postgres("log_min_messages = warning\n")
        self.postgres.create_database(name)
        self.routes = ""
        self.instances = [Instance(self, number) for number in range(instances)]
        self.strategy, self.fenced_before = "range", 0

    def url(self, instance):
        direct = self.postgres.url(self.database)
        return instance.proxy.url(direct) if instance.proxy else direct

    def sql(self, text, *arguments):
        with contextlib.closing(psycopg2.connect(self.postgres.url(self.database), connect_timeout=10)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text, arguments or None)
                return cursor.fetchall() if cursor.description else None

    def start(self, strategy):
        self.strategy = strategy
        for instance in self.instances:
            instance.start(strategy)

    def stop(self):
        """All at once: a second SIGTERM to one of them would end it without draining."""
        with concurrent.futures.ThreadPoolExecutor(len(self.instances)) as pool:
            list(pool.map(Instance.stop, [instance for instance in self.instances if instance.running()]))

    def tend(self):
        """Starts what is not running; what ended by itself is a violation."""
        for instance in self.instances:
            if not instance.running():
                if instance.service and not instance.told:
                    code = instance.service.process.returncode
                    if instance.broker and code == -signal.SIGABRT and LIBRARY_ENDS.search(instance.service.tail(1500)):
                        self.history.note("aborted", instance=instance.number)
                    elif instance.point is None or code != -signal.SIGKILL:
                        self.history.violate("ended", f"instance {instance.number} ended by itself with {code}\n"
                                             + instance.service.tail(1500))
                instance.start(self.strategy)

    def open_transaction(self, ports=None, seconds=0.4):
        """Whether, within the time, a writer had a transaction open; with ports, one of these connections."""
        with contextlib.suppress(psycopg2.Error), contextlib.closing(
                psycopg2.connect(self.postgres.url(self.database), connect_timeout=5)) as connection:
            connection.autocommit = True
            deadline = time.monotonic() + seconds
            with connection.cursor() as cursor:
                while True:
                    cursor.execute(OPEN, (self.database,))
                    found = {row[0] for row in cursor.fetchall()}
                    if found and (ports is None or found & ports):
                        return True
                    if time.monotonic() > deadline:
                        return False
                    time.sleep(0.001)
        return False

    def fenced(self):
        return self.fenced_before + sum(instance.fenced() for instance in self.instances)

    def collect(self, service):
        """The end of a process's life: keeps what its log tells."""
        log = service.log()
        self.fenced_before += len(FENCED.findall(log))
        for line in log.splitlines():
            if SANITIZER.search(line):
                self.history.violate("log", line + "\n" + log[-6000:])
                break
        service.remove()

    def remove(self):
        for instance in self.instances:
            if instance.service:
                self.collect(instance.service)
                instance.service = None
            for proxy in filter(None, (instance.proxy, instance.broker)):
                proxy.close()
            if instance.clock:
                instance.clock.remove()
        for line in self.postgres.log().splitlines():
            if POSTGRES_BAD.search(line):
                self.history.violate("log", f"PostgreSQL: {line}")
        self.postgres.remove()
        self.kafka.remove()
