"""The base of the console's tests: one service with a console for all tests of a class, four partitions that feed one
table, a key for every role. After each test the service must be as it was: alive, quick, without sessions left."""
import json
import pathlib
import re
import signal

import psycopg2

from support.case import ServiceCase, encode
from support.console import Access, Screen
from support.kafka import EmbeddedBroker
from support.postgres import Postgres
from support.waiting import wait_until

RAW_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
GROWTH = 64  # MiB of resident memory that a test may add: what is asserted; what was seen is printed


class ConsoleCase(ServiceCase):
    broker = EmbeddedBroker
    records = 2000
    routes = {}  # further settings of the route
    title = None  # of database, pipeline and topics; one of its own unless given

    def setUp(self):
        cls = type(self)
        if "service_under_test" not in cls.__dict__:
            cls.prepare_class(self)
        self.live = cls.service_under_test
        self.base_rss = self.rss()
        self.addCleanup(self.check_after)

    @classmethod
    def prepare_class(cls, case):
        ServiceCase._count += 1
        cls.kafka, cls.postgres = cls.shared(cls.broker), cls.shared(Postgres)
        cls.name = cls.title or f"c{ServiceCase._count}"
        cls.url = cls.postgres.create_database(cls.name)
        cls.services = []
        cls.access = Access()
        cls.addClassCleanup(cls.end_class)
        case.sql("CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL, note text)")
        cls.orders = case.topic("orders", 4)
        case.publish(range(cls.records))
        cls.service_under_test = case.service(case.route(cls.orders, "public.orders", **cls.routes),
                                              console=cls.access.toml()).start()
        case.wait_caught_up(cls.orders)
        # The first log-in makes what later ones find: threads, buffers, the pages of libssh.
        case.ok("status")

    @classmethod
    def end_class(cls):
        trouble = []
        for service in cls.services:
            if service.running():
                service.stop()
            trouble += service.trouble()
        trouble += cls.postgres.trouble()
        if trouble:
            for service in cls.services:
                print(f"--- {service.log_path}\n{service.tail(6000)}")
        for service in cls.services:
            service.remove()
        cls.access.remove()
        assert not trouble, f"lines in the logs that nobody expected: {trouble}"

    def publish(self, ids, status="new", **more):
        self.kafka.publish(self.orders, [(b"%d" % n, encode({"id": n, "status": status, **more})) for n in ids])

    def run_ssh(self, *words, **how):
        return self.access.run(*words, **how)

    def ok(self, *words, **how):
        """The output of a command that must succeed."""
        answer = self.access.run(*words, **how)
        self.assertEqual((0, ""), (answer.code, answer.err), f"{words}: {answer}")
        return answer.out

    def data(self, *words, **how):
        """The document of a command with --json."""
        document = json.loads(self.ok(*words, "--json", **how))
        self.assertEqual(1, document["v"])
        return document["data"]

    def refused(self, code, pattern, *words, **how):
        """A command must end with this code, say why on stderr, and print nothing."""
        answer = self.access.run(*words, **how)
        self.assertEqual(code, answer.code, f"{words}: {answer}")
        self.assertRegex(answer.err, pattern)
        self.assertTrue(answer.err.startswith("error: "), answer.err)
        self.assertEqual("", answer.out, words)
        return answer

    def screen(self, *words, key="k_oper", columns=100, rows=30, term="xterm-256color", options=(), ready=True):
        screen = Screen(self.access.ssh("-tt", *words, key=key, options=options), columns, rows, term)
        self.addCleanup(screen.close)
        if ready and not words:
            screen.wait(rf"^{self.name}> ?$")
        return screen

    def reload(self):
        """SIGHUP, and until the log says what became of it."""
        seen = len(self.live.log())
        self.live.signal(signal.SIGHUP)
        wait_until(lambda: re.search(r"keys (in|stay).*\n", self.live.log()[seen:]), self.live.tail, 20)
        return self.live.log()[seen:]

    def status_of(self, field):
        text = pathlib.Path(f"/proc/{self.live.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.M)[1])

    def rss(self):
        return self.status_of("VmRSS") / 1024

    def sanitized(self):
        return bool(re.search(r"lib[atu]b?san", pathlib.Path(f"/proc/{self.live.process.pid}/maps").read_text()))

    def sessions(self, key="k_view"):
        """Those that there are, with the one that asks."""
        return self.data("sessions", key=key)["sessions"]

    def audit(self, command="%"):
        return self.sql("SELECT who, role, command, target, outcome, detail, address FROM sluice.audit"
                        " WHERE command LIKE %s ORDER BY id", command)

    def hold_pointers(self):
        """A transaction that keeps every batch from committing, and a batch that waits for it. Close it to go on."""
        holder = psycopg2.connect(self.url, connect_timeout=10)
        self.addCleanup(holder.close)
        with holder.cursor() as cursor:
            cursor.execute("SELECT 1 FROM sluice.pointer FOR UPDATE")
        self.publish(range(100))
        wait_until(lambda: self.sql("SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
                                    " AND wait_event_type = 'Lock'"), "a lane that waits for the lock", 20)
        return holder

    def check_after(self):
        self.assertTrue(self.live.running(), self.live.tail())
        if self.sql("SELECT 1 FROM sluice.pause"):
            self.ok("resume", "all", key="k_oper")
        wait_until(lambda: len(self.sessions()) == 1,
                   lambda: f"sessions are left: {self.ok('sessions')}", 15)
        growth = self.rss() - self.base_rss
        print(f"    {self._testMethodName}: resident {self.rss():.0f} MiB, {growth:+.1f}")
        if not self.sanitized():
            self.assertLess(growth, GROWTH)
        raw = [line for line in pathlib.Path(self.live.log_path).read_bytes().split(b"\n") if RAW_CONTROL.search(line)]
        self.assertEqual([], raw, "raw control bytes in the log")
