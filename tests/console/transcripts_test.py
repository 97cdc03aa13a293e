"""What the console answers, word for word: each file of transcripts/ is a conversation with a service that has caught up.

A step is a line `ROLE$ COMMAND`, what it prints (lines on stderr begin with `! `), and `=> EXIT CODE`. A line `@ WORDS` does
something to the pipeline (see DEEDS). What no two runs share (times, ports, keys) is masked, so that the rest is compared.
`pytest console/transcripts_test.py --update` writes what a step prints now into the files, also below a new step that is no
more than its command; read the difference.
"""
import difflib
import itertools
import pathlib
import re

import pytest

from support.console_service import running_console
from support.pipeline import encode
from support.waiting import wait_until

FOLDER = pathlib.Path(__file__).resolve().parent / "transcripts"
KEYS = {"viewer": "k_view", "operator": "k_oper", "admin": "k_adm"}
STEP = re.compile(r"^(viewer|operator|admin)\$ (.*)$")
MASKS = (
    (r"(?<=\S)  +", "  "),  # how wide a column is depends on what stands in it
    (r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "DATE"),
    (r"\b\d\d:\d\d:\d\d(\.\d+)?Z?", "TIME"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"SHA256:[\w+/]{43}", "SHA256:KEY"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"/tmp/sluice-\w+-\w+", "FOLDER"),
    (r"\bp-[0-9a-f]{4}\b", "PLAN"),
    (r"(?m)^ *\d+(?=  DATE  \w+  (operator|admin)  )", "N"),  # of an audit row: notes take numbers when they are written
    (r"(?<=  )[\d.]+(ms|s|m|h)(?=  |$)", "SPAN"),
    (r"  caught up in [\d.]+\w+", ""),  # is only there while the rate is not 0
    (r"(  up |<= | since )[\d.]+(ms|s|m|h|d)\b", r"\1SPAN"),
    (r"\((\d[\d.]*(ms|s|m|h|d) ?)+\)", "(SPAN)"),
    (r"\b(p50|p95|p99|max) [\d.]+(ms|s|m|h)\b( \d+\w)?", r"\1 N"),
    (r"\b(p50|p95|p99|max) (-|\d+( \d+)*)( records)?", r"\1 N"),  # of the lag; when it was looked at differs
    (r"\b\d[\d ]* records/s", "N records/s"),
    (r"[▁-█]+", "▁▁▁"),
    (r"batches  \d+ since the start  rows each \d+", "batches  N since the start  rows each N"),
    (r'"session": \d+', '"session": N'),
    (r"(/\d  \w+  )\d+(?=(  \d+){4}  )", r"\1LANE"),
)
NAMES = itertools.count(10)


def settle(console):
    """Lanes publish what they have counted at most ten times a second, so a moment after the commit."""
    def published():
        metrics = console.live.metrics()
        return all(metrics.get(f'sluice_partition_next_offset{{topic="{topic}",partition="{partition}"}}') == next_offset
                   for (topic, partition), next_offset in console.pointers().items())
    wait_until(published, lambda: f"{console.pointers()} in {console.live.get('/metrics')[1]}")


def publish(console, count):
    """@ publish N: so many good records, which take effect before the next step."""
    console.publish(range(int(count)), status="paid")
    console.wait_caught_up(console.orders)
    settle(console)


def poison(console, count):
    """@ poison N: so many records that become dead letters, one after the other, so that each has its number."""
    for n in range(30_000, 30_000 + int(count)):
        console.kafka.publish(console.orders, [(b"%d" % n, encode({"id": n, "status": None}))])
        console.wait_caught_up(console.orders)


def sql(console, *words):
    """@ sql STATEMENT"""
    console.sql(" ".join(words))


def event(console, kind):
    """@ event KIND: until the time line has one; it is written a moment after what it is about."""
    wait_until(lambda: console.sql("SELECT 1 FROM sluice.event WHERE pipeline = %s AND kind = %s", console.name, kind),
               lambda: f"no event {kind}")


def alone(_):
    """@ alone: with a service of its own; whoever leaves nothing behind shares one."""


DEEDS = {deed.__name__: deed for deed in (publish, poison, sql, event, alone)}


def masked(console, text):
    text = text.replace(console.name, "shop")
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text, flags=re.MULTILINE)
    return [line.rstrip() for line in text.splitlines()]


def played(console, script):
    """The lines of a transcript with what its steps print now."""
    printed = False  # whether a line belongs to what a step printed before
    for line in script:
        step = STEP.match(line)
        if step:
            if printed:  # the one before is new, and had no answer yet
                yield ""
            answer = console.run_ssh(step[2].replace("shop.", f"{console.name}."), key=KEYS[step[1]])
            yield line
            yield from masked(console, answer.out)
            yield from (f"! {one}" for one in masked(console, answer.err))
            yield f"=> {answer.code}"
            printed = True
        elif printed:
            printed = not line.startswith("=> ")
        else:
            yield line
            if line.startswith("@ "):
                name, *words = line[2:].split()
                DEEDS[name](console, *words)


@pytest.fixture(scope="module")
def shared(broker, postgres):
    """For transcripts that leave nothing behind."""
    with running_console(broker, postgres, f"sh{next(NAMES)}", records=1000) as console:
        yield console


@pytest.fixture
def talker(request, path, broker, postgres):
    """Names have the length of the one that they are shown as: `shop`."""
    if "\n@ alone\n" not in path.read_text():
        console = request.getfixturevalue("shared")
        yield console
        console.check()
    else:
        with running_console(broker, postgres, f"sh{next(NAMES)}", records=1000) as console:
            yield console
            console.check()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_the_console_answers_as_its_transcript_says(path, talker, pytestconfig):
    script = path.read_text(encoding="utf-8").splitlines()
    settle(talker)
    answered = list(played(talker, script))
    if pytestconfig.getoption("--update"):
        path.write_text("\n".join(answered) + "\n", encoding="utf-8")
    else:
        difference = "\n".join(difflib.unified_diff(script, answered, str(path), "what it prints now", lineterm=""))
        assert answered == script, f"{difference}\nif that is right: pytest {pathlib.Path(__file__).name} --update"
