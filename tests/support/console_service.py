"""A service with a console: four partitions that feed one table, a key for every role, and a client for each of them."""
import contextlib
import json
import pathlib
import re

import psycopg2

from support.console import Access, Screen
from support.json_schema import check_document
from support.pipeline import Database, Pipeline, Services, encode, route
from support.sluice import Sluice, is_sanitized
from support.waiting import wait_until

RAW_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
GROWTH = 64  # MiB of resident memory that a test may add: what is asserted; what was seen is printed


class Console(Pipeline):
    """Its service runs and has caught up. More settings of its route in `settings`."""

    def __init__(self, kafka, postgres, name, records=2000, ready_within=120, **settings):
        database = Database(postgres, name)
        super().__init__(kafka, database, Services(kafka, database))
        self.access, self.records, self.cleanup = Access(), records, contextlib.ExitStack()
        try:
            self.sql("CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL, note text)")
            self.orders = self.topic("orders", 4)
            self.publish(range(records))
            self.live = self.service(route(self.orders, "public.orders", **settings), console=self.access.toml())
            self.start()
            self.wait_caught_up(self.orders, seconds=ready_within)
        except BaseException:
            self.close()
            raise

    def start(self):
        """Each process is measured from its first log-in on, which makes what later ones find: threads, buffers, pages."""
        self.live.start()
        self.ok("status")
        self.measure()

    def measure(self):
        self.first_rss = self.rss()

    def restart(self):
        assert self.live.stop() == 0
        self.start()

    def check(self):
        """After a test the service is as it was: alive, without sessions left, not much larger."""
        self.cleanup.close()
        assert self.live.running(), self.live.tail()
        if self.access.changed:
            self.access.write_keys()
            self.live.reload()
            self.access.changed = False
        if self.sql("SELECT 1 FROM sluice.pause"):
            self.ok("resume", "all", key="k_oper")
        wait_until(lambda: len(self.sessions()) == 1, lambda: f"sessions are left: {self.ok('sessions')}")
        growth = self.rss() - self.first_rss
        print(f"resident {self.rss():.0f} MiB, {growth:+.1f}")
        assert self.sanitized() or growth < GROWTH
        raw = [line for line in pathlib.Path(self.live.log_path).read_bytes().split(b"\n") if RAW_CONTROL.search(line)]
        assert raw == [], "raw control bytes in the log"

    def close(self):
        """As Services.close(). The service is told to end, so that a sanitizer's last words are heard."""
        self.cleanup.close()
        try:
            return self.service.close(Sluice.stop)
        finally:
            self.access.remove()

    def publish(self, ids, status="new", **more):
        self.kafka.publish(self.orders, [(b"%d" % n, encode({"id": n, "status": status, **more})) for n in ids])

    def run_ssh(self, *words, **how):
        return self.access.run(*words, **how)

    def popen(self, *words, **how):
        """A client that is ended with the test at the latest."""
        client = self.access.popen(*words, **how)
        self.cleanup.callback(client.wait, 60)
        self.cleanup.callback(client.kill)
        return client

    def ok(self, *words, **how):
        """The output of a command that must succeed."""
        answer = self.access.run(*words, **how)
        assert (answer.code, answer.err) == (0, ""), f"{words}: {answer}"
        return answer.out

    def data(self, *words, **how):
        """The document of a command with --json."""
        document = json.loads(self.ok(*words, "--json", **how))
        check_document(document)
        return document["data"]

    def refused(self, code, pattern, *words, **how):
        """A command must end with this code, say why on stderr, and print nothing."""
        answer = self.access.run(*words, **how)
        assert answer.code == code, f"{words}: {answer}"
        assert re.search(pattern, answer.err)
        assert answer.err.startswith("error: ")
        assert answer.out == "", words
        return answer

    def screen(self, *words, key="k_oper", columns=100, rows=30, term="xterm-256color", options=(), ready=True):
        screen = Screen(self.access.ssh("-tt", *words, key=key, options=options), columns, rows, term)
        self.cleanup.callback(screen.close)
        if ready and not words:
            screen.wait(rf"^{self.name}> ?$")
        return screen

    def rss(self):
        return self.live.resident()

    def sanitized(self):
        return is_sanitized(Sluice.binary)

    def sessions(self, key="k_view"):
        """Those that there are, with the one that asks."""
        return self.data("sessions", key=key)["sessions"]

    def audit(self, command="%"):
        return self.sql("SELECT who, role, command, target, outcome, detail, address FROM sluice.audit"
                        " WHERE command LIKE %s ORDER BY id", command)

    def hold_pointers(self):
        """A transaction that keeps every batch from committing, and a batch that waits for it. Close it to go on."""
        holder = psycopg2.connect(self.url, connect_timeout=60)
        self.cleanup.callback(holder.close)
        with holder.cursor() as cursor:
            cursor.execute("SELECT 1 FROM sluice.pointer FOR UPDATE")
        self.publish(range(100))
        wait_until(lambda: self.sql("SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
                                    " AND wait_event_type = 'Lock'"), "a lane that waits for the lock")
        return holder


@contextlib.contextmanager
def running_console(*arguments, **settings):
    """A Console for as long as the block lasts; lines in its log that nobody expected are an error."""
    console, told = Console(*arguments, **settings), ""
    try:
        yield console
    finally:
        told = console.close()
    if told:
        raise AssertionError(told)
