"""The harness catches what it is there for: each seeded bug, with the faults that bring it out, breaks the promise visibly.

Every bug is run beside the same scene without it, with the same seed, which must pass. Needs a binary with fault points.
`-k BUG` for one of them, --seed N, --json FILE for the table that docs/torture.md shows.
"""
import concurrent.futures
import datetime
import json
import pathlib
import random
import re
import tempfile
import time

import pytest

from fault.cluster import Cluster, Instance
from fault.history import VIOLATIONS, History
from fault.load import TABLES, Load
from fault.oracle import Watcher, final_check, wait_caught_up
from fault.report import bugs_table
from integration import altered_test
from support.pipeline import route
from support.waiting import wait_until

AT_ONCE = 3  # scenes: they wait more than they work
ROUNDS = 6  # how often the faults are tried
LONG = {"rows": 5000, "linger": "400ms"}  # so that there is always a collected batch to go wrong with
THROUGH = re.compile(r"claiming again| assigned")  # what a thawed instance says once its old batch is decided
# `stuck` among them: a pointer that was bent beyond the log's end stops its partition, whose state the watcher sees.
PROMISE = set(VIOLATIONS) - {"ended", "log"}


class Scene(Cluster):
    """Two instances with a load and a watcher, in a database of their own on servers that all scenes share."""

    def __init__(self, kafka, postgres, seed, name, bug, poison):
        self.bug, self.damaged = bug or "", None
        history = History(f"{tempfile.gettempdir()}/sluice-mutant-{name}.jsonl", seed, bug=self.bug)
        self.history, self.seed, self.database, self.environment = history, seed, name, {"SLUICE_BUG": self.bug}
        self.kafka, self.postgres, self.strategy, self.fenced_before = kafka, postgres, "range", 0
        self.postgres.create_database(name)
        self.sql(TABLES)
        self.instances = [Instance(self, number) for number in range(2)]
        self.load = Load(self.kafka, seed, name, rate=400, poison=poison)
        self.routes = self.load.routes(route)
        self.chance = random.Random(seed)
        self.watcher = Watcher(self.postgres, name, self.load, history, seed)

    def run(self, provoke, rounds):
        """What the watcher found, by name, and after how many seconds; plays until then, or to the end."""
        begin = self.history.now()
        self.load.start()
        self.watcher.start()
        try:
            for _ in range(rounds):
                provoke(self)
                self.look_closely()
                if self.caught():
                    break
            else:
                self.finish()
            return {"caught_by": sorted(self.history.violations.keys() & PROMISE),
                    "seconds": round(min([at for at, _ in self.history.first.values()], default=0) - begin, 1),
                    "violations": self.history.summary(), "records": self.load.produced,
                    "logs": "\n---\n".join(one.service.tail() for one in self.instances if one.service)}
        finally:
            self.watcher.finish()
            self.remove()

    def finish(self):
        """A calm end: everything must be there. What was frozen or armed is started anew, without points."""
        for one in self.instances:
            if one.running():
                one.kill()
            one.start()
        self.load.finish()
        if wait_caught_up(self.watcher, self.load, self.history, 60):
            final_check(self.postgres, self.database, self.load, self.history)

    def look_closely(self):
        """At everything that is there, where the watcher mostly looks at what is new."""
        self.watcher.asked += 1
        self.wait(lambda: self.watcher.answered == self.watcher.asked, "the watcher does not look")

    def caught(self):
        return bool(self.history.violations.keys() & PROMISE)

    def wait(self, predicate, what, seconds=90):
        """Until it is so, or the bug has shown."""
        wait_until(lambda: self.caught() or predicate(), lambda: what + "\n" + "\n".join(
            f"{one.number}: {one.service.tail(1500)}" for one in self.instances if one.service), seconds)

    def play(self, number, point=None, batch=None):
        """The instance runs; from a new start if a fault point is to be armed."""
        one = self.instances[number]
        if one.running() and point:
            one.kill()
        if not one.running():
            one.start(point=point, batch=batch)

    def wait_moved(self):
        """Until every partition has taken a step from where it stands now."""
        before = dict(self.watcher.pointers)

        def moved():
            return len(self.watcher.pointers) == len(self.load.ends) and all(
                following > before.get(at, 0) for at, following in self.watcher.pointers.items())
        self.wait(moved, "a partition does not move")

    def remove(self):
        for one in self.instances:
            if one.running():
                one.kill()
            if one.service:
                self.collect(one.service)
            if one.proxy:
                one.proxy.close()
        self.load.finish()
        self.history.close()


def replace_frozen(scene, point):
    """The first instance freezes at the point, the other one goes on in its place; then the first thaws, in the middle of what
    it was about to do, and must be through with that."""
    victim = scene.instances[0]
    scene.wait(lambda: f"fault: {point} acts" in victim.service.log(), f"{point} is not passed")
    try:
        scene.wait_moved()
        scene.wait_moved()
        before = len(THROUGH.findall(victim.service.log()))
    finally:
        victim.thaw()
    scene.wait(lambda: len(THROUGH.findall(victim.service.log())) > before, "it does not go on after the thaw")
    scene.wait_moved()
    scene.wait_moved()


def freeze_at(scene, point):
    scene.play(1)
    scene.play(0, batch=LONG, point=f"{point}:{scene.chance.randrange(15, 25)}:stop")
    replace_frozen(scene, point)


def freeze(scene):
    """An instance is frozen with a batch in its hands until the other has gone on in its place."""
    freeze_at(scene, "before_begin")


def freeze_in_two_ways(scene):
    """An instance is frozen with a batch in its hands, or after BEGIN, until the other has gone on in its place."""
    scene.frozen = getattr(scene, "frozen", 0) + 1
    freeze_at(scene, "before_begin" if scene.frozen % 2 else "before_advance")


def die_before_advance(scene):
    """An instance dies after BEGIN, before the first statement of its transaction."""
    scene.play(1)
    scene.play(0, batch=LONG, point=f"before_advance:{scene.chance.randrange(5, 10)}:kill")
    scene.wait(lambda: not scene.instances[0].running(), "before_advance is not passed")
    scene.wait_moved()


def die_after_a_hint(scene):
    """An instance dies when Kafka has been told a position, which is older than the pointer."""
    scene.play(0)
    scene.play(1)
    scene.wait_moved()
    hinted = time.monotonic() + 6  # the service tells Kafka every 5 s
    scene.wait(lambda: time.monotonic() > hinted, "time")
    for one in scene.instances:
        one.kill()
        one.start()
    scene.wait_moved()


def lose_the_answer(scene):
    """The answer to COMMIT is lost on the way; the transaction has taken effect."""
    scene.play(1)  # with small batches, so that hardly any COMMIT is another connection's than a lane's
    scene.wait_moved()
    rule = scene.instances[1].proxy.swallow_commit(3, hold=0.05)
    scene.wait(rule.fired.is_set, "no COMMIT")
    scene.wait_moved()


def dawdle_after_a_revoke(scene):
    """An instance notices late that partitions were taken away, when another has gone on with them."""
    if scene.instances[1].running():
        scene.instances[1].kill()
    scene.play(0, batch=LONG, point="after_revoke:1:stop")
    scene.wait_moved()
    scene.play(1)  # takes half of them
    replace_frozen(scene, "after_revoke")


def just_run(scene):
    """No fault at all: a delete and an insert of the same key in one batch, over and over."""
    scene.play(0, batch=LONG)
    for _ in range(3):
        scene.wait_moved()


# Hardly any: a batch that PostgreSQL refuses is given up by who has lost its partitions, and a mistake with it does not show.
FEW, MANY = 0.0005, 0.015
# bug -> what brings it out, how often that must do no harm without the bug, the share of records that is refused
SCENES = {
    "no_compare_and_set": (freeze_in_two_ways, 2, FEW),
    "advance_after_rows_unchecked": (freeze, 1, FEW),
    "dead_letters_apart": (die_before_advance, 2, MANY),
    "seek_to_committed": (die_after_a_hint, 1, FEW),
    "blind_resend": (lose_the_answer, 2, FEW),
    "keep_after_revoke": (dawdle_after_a_revoke, 1, FEW),
    "drop_delete_insert": (just_run, 1, FEW),
}


# Mistakes that no fault brings out, but what somebody does to a table: the test of the rule catches them.
# bug -> (that test, how it must fail: for another reason it would prove nothing)
RULES = {
    "stale_description": (altered_test.test_a_table_altered_while_it_runs_is_used_as_it_is_from_the_next_record_on,
                          r"public\.added has no column of that name"),
    "code_decides": (altered_test.test_a_value_refused_with_a_code_that_also_means_the_schema_is_its_records_fault,
                     r"waited 30 s in vain: pointers .*stopped in state schema: "),
    "deferred_too_early": (altered_test.test_a_child_before_its_parent_is_written_also_beside_a_bad_record,
                           r"assert \[0, 2, 3, 4\] == \[2, 3\]"),
    "idle_pointer_believed": (altered_test.test_an_idle_service_notices_within_ten_seconds_that_rows_and_pointer_went_back,
                              r"waited 30 s in vain: .*ready: 1 partitions(?!.*claim)"),
}


@pytest.mark.parametrize("seeded", (False, True))
@pytest.mark.parametrize("bug", RULES)
def test_a_seeded_bug_breaks_its_rule_and_nothing_else_does(bug, seeded, pipeline, monkeypatch):
    rule, failure = RULES[bug]
    if not seeded:
        rule(pipeline)
        return
    monkeypatch.setenv("SLUICE_BUG", bug)
    monkeypatch.setattr(altered_test, "PATIENCE", 30)
    with pytest.raises(AssertionError, match=f"(?s){failure}"):
        rule(pipeline)
    for service in pipeline.service.made:
        assert service.running(), service.tail()
        service.expected.append("")


@pytest.fixture(scope="module")
def runs(request, kafka, postgres, session_seed):
    """{(bug, whether it is in)}: the scenes of all bugs that are asked for, some of them at once."""
    asked = [item.callspec.params["bug"] for item in request.session.items if item.function is test_a_seeded_bug_is_caught]
    pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)

    def play(bug, seeded, rounds):
        scene = Scene(kafka, postgres, session_seed, f"{bug}_{'bug' if seeded else 'none'}", bug if seeded else None, SCENES[bug][2])
        return scene.run(SCENES[bug][0], rounds)

    yield {(bug, seeded): pool.submit(play, bug, seeded, ROUNDS if seeded else SCENES[bug][1])
           for bug in asked for seeded in (True, False)}
    pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def caught(option, session_seed):
    """What is known of each bug in the end, for the page."""
    rows = []
    yield rows
    found = {"date": datetime.date.today().isoformat(), "seed": session_seed, "bugs": rows}
    print(bugs_table(found), flush=True)
    if option("json", ""):
        pathlib.Path(option("json", "")).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


@pytest.mark.parametrize("bug", SCENES)
def test_a_seeded_bug_is_caught(bug, runs, caught, seed):
    without, found = runs[bug, False].result(500), runs[bug, True].result(500)
    assert not without["violations"], f"without the bug, seed {seed}\n{without['logs']}"
    assert found["caught_by"], f"not caught, seed {seed}: {found['violations']}\n{found['logs']}"
    caught.append({"bug": bug, "provoked_by": SCENES[bug][0].__doc__.partition(".")[0].partition("\n")[0],
                   "caught_by": found["caught_by"], "seconds": found["seconds"]})
