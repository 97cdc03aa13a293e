"""The judge: plain SQL and what the producer knows, nothing of the service's code.

The watcher looks at REPEATABLE READ snapshots all through the run, on a connection of its own. In every one of them the
accounts must balance, pointers must not go back, and what is visible must be exactly what lies below the pointers: the rows
of the witness and the dead letters. At the end everything is compared with the model, both ways.
"""
import collections
import contextlib
import random
import threading
import time

import psycopg2

from fault.load import COLUMNS, KEYED

POINTERS = """SELECT topic, partition, start_offset, next_offset, applied, folded, skipped, dead, gaps, epoch, owner::text, state
              FROM sluice.pointer"""
DEAD = "SELECT topic, partition, record_offset, stage FROM sluice.dead_letter"
OUT_OF_ORDER = """SELECT part, off, serial FROM (SELECT part, off, serial, lag(off) OVER (PARTITION BY part ORDER BY serial) AS
                  before FROM witness) AS seen WHERE off < before LIMIT 5"""
EVERY = 0.05  # seconds between snapshots
CLOSER = 20  # one in so many snapshots is looked at as a whole
AWAY = (psycopg2.OperationalError, psycopg2.InterfaceError)


class Watcher(threading.Thread):
    """pointers and moved_at are read by others: each is replaced as a whole, never changed."""

    def __init__(self, postgres, database, load, history, seed):
        super().__init__(name="watcher", daemon=True)
        self.postgres, self.database, self.load, self.history = postgres, database, load, history
        self.chance = random.Random(f"{seed}/watcher")
        self.pointers = {}  # (topic, partition) -> next_offset
        self.owners = {}  # (topic, partition) -> (owner, epoch)
        self.snapshots, self.error = 0, None
        self.asked, self.answered = 0, 0  # whole looks; whoever asks for one adds 1 and waits until it is answered
        self._enough = threading.Event()

    def run(self):
        try:
            while not self._enough.wait(EVERY):
                with contextlib.suppress(*AWAY):
                    self.watch()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def watch(self):
        """Until PostgreSQL is away."""
        with contextlib.closing(connect(self.postgres, self.database)) as connection:
            while not self._enough.wait(EVERY):
                with connection, connection.cursor() as cursor:
                    self.look(cursor)

    def look(self, cursor):
        cursor.execute("SELECT to_regclass('sluice.pointer')")
        if cursor.fetchone()[0] is None:
            return
        cursor.execute(POINTERS)
        rows = cursor.fetchall()
        self.check_pointers(rows)
        following = {(row[0], row[1]): row[3] for row in rows}
        self.check_new(cursor, following)
        self.check_dead(cursor, following, self.chance.randrange(CLOSER) > 0)
        asked = self.asked
        if asked > self.answered:
            self.check_whole(cursor, following, range(self.load.partitions))
        elif self.snapshots % CLOSER == 0 and following:
            self.check_whole(cursor, following, [self.chance.randrange(self.load.partitions)])
        self.pointers, self.answered = following, asked
        self.snapshots += 1

    def check_pointers(self, rows):
        for topic, partition, start, following, applied, folded, skipped, dead, gaps, epoch, owner, state in rows:
            at = (topic, partition)
            if following - start != applied + folded + skipped + dead + gaps:
                self.history.violate("identity", f"{at}: {following} - {start} is not {applied}+{folded}+{skipped}+{dead}+{gaps}")
            if following < self.pointers.get(at, 0) or epoch < self.owners.get(at, ("", 0))[1]:
                self.history.violate("regressed", f"{at}: from {self.pointers.get(at)} to {following}, epoch {epoch}")
            if following > self.load.ends[at]:
                self.history.violate("torn", f"{at}: the pointer is at {following}, beyond the log's end")
            if state != "ok":
                self.history.violate("stuck", f"{at} has the state {state}")
            if self.owners.get(at) != (owner, epoch):
                self.history.note("claim", partition=f"{topic}/{partition}", epoch=epoch, owner=owner, next=following)
                self.owners = {**self.owners, at: (owner, epoch)}

    def check_new(self, cursor, following):
        """The witness since the last snapshot, by partition: one row for each offset, and none above the pointer."""
        topic = self.load.topics["witness"]
        for (name, part), end in following.items():
            if name != topic:
                continue
            begin = self.pointers.get((name, part), 0)
            cursor.execute("SELECT count(*), count(DISTINCT off), max(off) FROM witness WHERE part = %s AND off >= %s",
                           (part, begin))
            self.check_range(part, begin, end, *cursor.fetchone())

    def check_range(self, part, begin, end, count, distinct, most):
        what = f"witness {part}, [{begin}, {end}): {count} rows, {distinct} offsets up to {most}"
        if most is not None and most >= end:
            self.history.violate("torn", what)
        elif distinct < end - begin:
            self.history.violate("lost", what)
        if count > distinct:
            self.history.violate("repeated", what)

    def check_whole(self, cursor, following, parts):
        """Partitions of the witness from their beginning, and the keyed tables: no row that comes from above the pointer."""
        for part in parts:
            end = following.get((self.load.topics["witness"], part), 0)
            cursor.execute("SELECT count(*), count(DISTINCT off), max(off) FROM witness WHERE part = %s", (part,))
            self.check_range(part, 0, end, *cursor.fetchone())
        for name in KEYED:
            cursor.execute(f"SELECT part, max(off) FROM {name} GROUP BY part")
            for part, most in cursor.fetchall():
                if most >= following.get((self.load.topics[name], part), 0):
                    self.history.violate("torn", f"{name} {part}: a row of offset {most}, above the pointer")

    def check_dead(self, cursor, following, new_only):
        """Dead letters below the pointers are the seeded ones, and there are none above."""
        if new_only:
            begin = [(topic, part, self.pointers.get((topic, part), 0)) for topic, part in following]
            cursor.execute(DEAD + " d JOIN (SELECT unnest(%s) AS topic, unnest(%s) AS partition, unnest(%s) AS begin) b"
                           " USING (topic, partition) WHERE record_offset >= begin",
                           tuple(map(list, zip(*begin))) if begin else ([""], [0], [0]))
        else:
            begin = [(topic, part, 0) for topic, part in following]
            cursor.execute(DEAD)
        ranges = {(topic, part): (least, following[topic, part]) for topic, part, least in begin}
        self.compare_dead(cursor.fetchall(), ranges)

    def compare_dead(self, rows, ranges):
        seen = collections.Counter((topic, part, offset) for topic, part, offset, _ in rows)
        wanted = {at for at in tuple(self.load.dead) if ranges.get(at[:2], (0, 0))[0] <= at[2] < ranges.get(at[:2], (0, 0))[1]}
        for name, found in (("dead_missing", wanted - seen.keys()), ("dead_extra", seen.keys() - wanted),
                            ("dead_twice", {at for at, count in seen.items() if count > 1})):
            if found:
                self.history.violate(name, f"{len(found)}: {sorted(found)[:5]}")

    def finish(self):
        self._enough.set()
        self.join(60)
        if self.error:
            raise self.error


def connect(postgres, database):
    connection = psycopg2.connect(postgres.url(database), connect_timeout=10,
                                  options="-c statement_timeout=60s -c application_name=watcher")
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    return connection


def caught_up(watcher, load):
    return all(watcher.pointers.get(at, 0) == end for at, end in tuple(load.ends.items()))


def wait_caught_up(watcher, load, history, seconds):
    """After the load has ended. Whether everything is below the pointers; if not, that is a violation."""
    deadline = time.monotonic() + seconds
    while not caught_up(watcher, load) and time.monotonic() < deadline and watcher.is_alive():
        time.sleep(0.05)
    if caught_up(watcher, load):
        return True
    behind = {at: (watcher.pointers.get(at), end) for at, end in load.ends.items() if watcher.pointers.get(at) != end}
    history.violate("stuck", f"not caught up {seconds} s after the end (now, wanted): {behind}")
    return False


def final_check(postgres, database, load, history):
    """Everything against the model. Returns the figures that it saw."""
    with contextlib.closing(connect(postgres, database)) as connection, connection.cursor() as cursor:
        topic = load.topics["witness"]
        wanted = {(part, offset) for part in range(load.partitions) for offset in range(load.ends[topic, part])}
        cursor.execute("SELECT part, off FROM witness")
        seen = collections.Counter(cursor.fetchall())
        lost, foreign = wanted - seen.keys(), seen.keys() - wanted
        repeated = [at for at, count in seen.items() if count > 1]
        cursor.execute(OUT_OF_ORDER)
        disorder = cursor.fetchall()
        for name, found in (("lost", lost), ("wrong_row", foreign), ("repeated", repeated), ("out_of_order", disorder)):
            if found:
                history.violate(name, f"{len(found)} in the end: {sorted(found)[:5]}")
        for name in KEYED:
            compare_table(cursor, name, load.models[name], history)
        cursor.execute(DEAD)
        dead = cursor.fetchall()
        stages = {(topic, part, offset): stage for topic, part, offset, stage in dead}
        for found, name in ((load.dead.keys() - stages.keys(), "dead_missing"), (stages.keys() - load.dead.keys(), "dead_extra"),
                            ({at for at in stages if load.dead.get(at, stages[at]) != stages[at]}, "wrong_row")):
            if found:
                history.violate(name, f"dead letters in the end: {len(found)}: {[(at, stages.get(at)) for at in sorted(found)[:5]]}")
        if len(dead) != len(stages):
            history.violate("dead_twice", f"{len(dead) - len(stages)} in the end")
        return {"witness": sum(seen.values()), "dead_letters": len(dead), "lost": len(lost), "repeated": len(repeated),
                "out_of_order": len(disorder)}


def compare_table(cursor, name, model, history):
    cursor.execute(f"SELECT id, {', '.join(COLUMNS)} FROM {name}")
    rows = {row[0]: dict(zip(COLUMNS, row[1:])) for row in cursor.fetchall()}
    wrong = {key: (rows.get(key), model.get(key)) for key in rows.keys() | model.keys() if rows.get(key) != model.get(key)}
    if wrong:
        history.violate("wrong_row", f"{name}: {len(wrong)} rows (is, must be): {dict(list(wrong.items())[:3])}")
