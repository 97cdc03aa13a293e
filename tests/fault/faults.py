"""The faults: what each of them does to the cluster, and the one table of them.

A fault is a function of the executioner (`x`) that does the harm and undoes its cause; it returns whether it hit an open
transaction, or None when its moment did not come. The clock of the recovery runs from its return, or from `x.began`, if the
function sets it. To add a fault, write a function and a line of FAULTS.
"""
import collections
import contextlib
import time

import psycopg2

from fault.kafka_proxy import DAMAGE
from fault.load import KEYED
from support.waiting import Late, wait_until

DISK_FULL = """
CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER disk_full BEFORE INSERT OR UPDATE OR DELETE ON {} FOR EACH STATEMENT EXECUTE FUNCTION disk_full()"""
LOCKED_WITHIN = 20  # seconds
# With these a transaction is open when the process dies, by what they mean.
OPEN_POINTS = ("after_advance", "before_copy", "after_copy", "before_dead_letters", "after_dead_letters", "before_commit",
               "commit_sent", "bisect")
POINTS = ("before_claim", "after_claim", "before_seek", "before_begin", "before_advance", "commit_answered", "after_revoke", *OPEN_POINTS)


def kill(x):
    victim = x.victim()
    hit = x.aim(victim)
    victim.kill()
    return hit


def terminate(x, victim=None):
    """SIGTERM: what is under way is finished, the exit code is 0."""
    victim = victim or x.victim()
    hit = x.aim(victim)
    x.began = time.monotonic()
    victim.stop()
    return hit


def freeze(x):
    """SIGSTOP until the group has gone on without it; what it does when it thaws must be fenced."""
    victim = x.victim()
    hit = x.chance.random() < 0.5 and x.aim(victim)  # else with a batch that it collects, most of the time
    victim.freeze()
    try:
        x.began = time.monotonic()
        recovery = x.wait_recovery()
    finally:
        fenced = victim.fenced()
        victim.thaw()
    x.zombies += 1
    deadline = time.monotonic() + 5
    while victim.fenced() == fenced and time.monotonic() < deadline:
        time.sleep(0.02)
    x.fenced += victim.fenced() > fenced
    x.recovery = recovery
    return hit


def postgres_immediate(x):
    hit = x.cluster.open_transaction()
    x.cluster.postgres.stop("immediate")
    x.pause(1.5)
    x.cluster.postgres.start()
    return hit


def postgres_fast(x):
    hit = x.cluster.open_transaction()
    x.cluster.postgres.restart("fast")
    return hit


def backends(x):
    """pg_terminate_backend of every writer; the same query sees whether one was in a transaction."""
    x.cluster.open_transaction()
    rows = x.cluster.sql("SELECT xact_start IS NOT NULL AND state <> 'idle', pg_terminate_backend(pid) FROM pg_stat_activity"
                         " WHERE datname = %s AND application_name LIKE 'sluice/%%'", x.cluster.database)
    return any(busy for busy, _ in rows)


def broker(x):
    hit = x.cluster.open_transaction()
    x.cluster.kafka.kill()
    x.pause(1)
    try:
        x.cluster.kafka.start()
    except RuntimeError:  # a busy machine
        x.cluster.kafka.start()
    return hit


def storm(x):
    """Instances join and leave, politely or not, every second or so."""
    hit = False
    for _ in range(6):
        one = x.chance.choice(x.cluster.instances)
        if not one.running():
            one.start(x.cluster.strategy)
        elif x.chance.random() < 0.5:
            hit = x.aim(one) or hit
            one.kill()
        else:
            one.stop()
        x.pause(1.2)
    return hit


def at_point(name):
    """An instance that dies at a named point of its code."""
    def fault(x):
        victim = x.victim()
        victim.kill()
        seldom = name in ("before_claim", "after_claim", "before_seek", "bisect") or "dead" in name
        nth = 1 if name == "after_revoke" or "copy" in name else x.chance.randrange(1, 3 if seldom else 30)
        victim.start(x.cluster.strategy, point=f"{name}:{nth}:kill", batch={"rows": 20000, "linger": "500ms"} if "copy" in name else {})
        others = [one for one in x.cluster.instances if one is not victim and one.running()]

        def moment():
            """Brings the point about, where it does not come by itself."""
            if name == "after_revoke" and others and x.seconds() > 3:
                others.pop().kill()  # the group goes round again
                others.clear()
            return not victim.running()
        if "copy" in name:
            x.load.burst(40000)  # only large batches take that way
        x.mark()
        with contextlib.suppress(Late):
            wait_until(moment, name, 20)
        return None if victim.running() else name in OPEN_POINTS
    return fault


def swallow(x):
    """The answer to COMMIT is lost: nobody on this side knows whether it took effect."""
    return x.by_proxy(lambda proxy: proxy.swallow_commit(x.chance.randrange(1, 10)))


def cut_in_commit(x):
    return x.by_proxy(lambda proxy: proxy.cut_in_commit(x.chance.randrange(1, 10)))


def cut(x):
    return x.by_proxy(lambda proxy: proxy.cut())


def stall(x):
    proxy = x.victim(proxied=True).proxy
    hit = proxy.open_transactions() > 0
    proxy.stall(x.chance.uniform(0.5, 4))
    proxy.open_gate.wait(10)
    return hit


def damaged(x):
    """Batches of records arrive damaged, seldom enough for no verdict on the log."""
    victim = next((one for one in x.cluster.instances if one.broker and one.running()), None)
    if victim is None:
        return None
    hit, before = x.aim(victim), victim.broker.damaged
    victim.broker.damage_any(x.chance.choice(sorted(DAMAGE)), x.chance.randrange(1, 4))
    with contextlib.suppress(Late):
        wait_until(lambda: victim.broker.damaged > before, "a batch", 10)
    victim.broker.mend()
    return hit if victim.broker.damaged > before else None


def disk_full(x):
    """Every write to one of the tables is refused as on a full disk; nobody's record is at fault."""
    hit = x.cluster.open_transaction()
    x.cluster.sql(DISK_FULL.format(x.chance.choice(("witness", *KEYED))))
    try:
        x.pause(4)
    finally:
        x.cluster.sql("DROP FUNCTION disk_full CASCADE")
    return hit


def lock(x):
    """Somebody locks one of the tables, until every partition that feeds another one has taken a step."""
    table = x.chance.choice(KEYED)
    hit = x.cluster.open_transaction()
    with contextlib.closing(psycopg2.connect(x.cluster.postgres.url(x.cluster.database), connect_timeout=10,
                                             options=f"-c lock_timeout={LOCKED_WITHIN}s")) as other:
        try:
            other.cursor().execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")  # the watcher goes on reading
        except psycopg2.errors.LockNotAvailable:
            return None
        x.began = time.monotonic()
        x.wait_recovery(lambda topic: topic != x.load.topics[table])
    x.began = None
    return hit


def clock(x):
    """The wall clock of an instance jumps by up to a week, forwards or backwards, and back again a moment later."""
    victim = x.victim()
    hit = x.aim(victim)
    victim.clock.wrong_by(x.chance.randrange(-7 * 86400, 7 * 86400))
    x.pause(3)
    victim.clock.wrong_by(0)
    return hit


def version(x):
    """An instance goes on as the older version, or as the present one again."""
    victim = x.victim()
    hit = terminate(x, victim)
    victim.binary = None if victim.binary else x.older
    return hit


Fault = collections.namedtuple("Fault", "often run")
FAULTS = {
    "kill -9": Fault(6, kill),
    "SIGTERM": Fault(3, terminate),
    "SIGSTOP and SIGCONT": Fault(6, freeze),
    "PostgreSQL immediate stop": Fault(2, postgres_immediate),
    "PostgreSQL fast restart": Fault(1, postgres_fast),
    "pg_terminate_backend": Fault(3, backends),
    "broker kill -9": Fault(1, broker),
    "rebalance storm": Fault(1, storm),
    "COMMIT's answer lost": Fault(2, swallow),
    "cut inside COMMIT": Fault(2, cut_in_commit),
    "cut at any byte": Fault(2, cut),
    "stalled connection": Fault(1, stall),
    "damaged bytes from Kafka": Fault(2, damaged),
    "disk full": Fault(1, disk_full),
    "lock on one of the tables": Fault(1, lock),
    "clock jumps": Fault(1, clock),
    "another version": Fault(2, version),
    **{f"killed at {point}": Fault(1, at_point(point)) for point in POINTS},
}
