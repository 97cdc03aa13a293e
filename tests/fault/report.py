#!/usr/bin/python3
"""Makes docs/torture.md out of the results that are kept in tests/fault/results: `report.py > docs/torture.md`."""
import json
import pathlib

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
INTRO = """# Torture

Generated from `tests/fault/results` by `tests/fault/report.py`; a test compares. `tools/torture --minutes 30` makes a new run
and this page anew. Three instances in one group feed three topics of six partitions into PostgreSQL, in batches of at most
50 records, while faults of all kinds come in an order that the seed decides. The oracle is Python and SQL and shares no code
with the service: it looks at snapshots all through the run, and compares every row with its model in the end.

*Hit* says how many faults met an open transaction of a writer. *Recovery* runs until **every** partition's pointer has moved
again: from the kill, the freeze or the SIGTERM on; for PostgreSQL and the broker from their return on. The session timeout
is 2 s: what takes a partition from a dead or frozen instance cannot be quicker.
"""


def share(values, part):
    """The part-th quantile, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def seconds(values, part):
    return f"{share(values, part):.2f} s" if values else "–"


def table(result):
    """One run as Markdown."""
    faults = sorted(result["faults"].items())
    done = sum(kind["count"] for _, kind in faults)
    hits = sum(kind["open"] for _, kind in faults)
    lines = [f"{result['records']:,} records ({result['witness']:,} into the witness table, {result['dead_letters']:,} dead "
             f"letters), {result['seconds']} s, {result['claims']:,} claims, {result['snapshots']:,} snapshots checked.",
             f"{done} faults, {hits} of them hit an open transaction. **Lost {result['lost']}, repeated "
             f"{result['repeated']}, out of order {result['out_of_order']}**, violations of any kind {len(result['violations'])}.",
             f"Batches fenced {result['fenced']}; frozen instances {result['zombies']}, fenced when they thawed "
             f"{result['zombies_fenced']}.", "", "| fault | times | hit | recovery p50 | p99 |", "|---|---:|---:|---:|---:|"]
    for name, kind in faults:
        if kind["count"]:
            lines.append(f"| {name} | {kind['count']} | {kind['open']} | {seconds(kind['recovery'], 0.5)} |"
                         f" {seconds(kind['recovery'], 0.99)} |")
    return "\n".join(lines)


AWAY = """## PostgreSQL away at full input

{records:,} records at {records_per_second:,} a second, PostgreSQL away for {away_seconds:.0f} s (`away_test.py --seconds 180`). No
rebalance meanwhile. The first progress came {progress_after_return_seconds:.2f} s after its return, and all of it had taken effect
{caught_up_after_seconds:.0f} s later. Resident memory of the service, from {least} to {most} MB:

| away for | {times} |
|---|{ruler}
| MB | {sizes} |
"""
DEADLOCKS = """## Two instances, the same rows in opposite orders

{records:,} records in {seconds} s by {instances} instances into two tables of {keys} keys, whole rows, parts of rows and deletes
mixed (`deadlock_test.py --seconds 300`): {deadlocks} deadlocks (40P01), {waits_above_a_second} waits above a second.
"""


BUGS = """## Does the harness see it?

Seven mistakes that somebody could make, built in on purpose ({date}, seed {seed}), each with the faults that bring it out
(`mutants_test.py`). The same scenes without the mistake pass.

"""


def bugs_table(found):
    """Seeded bugs as Markdown: what brought each out, which check saw it, after how many seconds of the scene."""
    return "\n".join(["| seeded bug | brought out by | caught as | after |", "|---|---|---|---:|", *(
        f"| {row['bug'].replace('_', ' ')} | {row['provoked_by']} | {', '.join(row['caught_by'])} | {row['seconds']:.1f} s |"
        for row in found["bugs"])])


def scenario(name):
    path = RESULTS / "scenarios" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def scenarios():
    """What single scenarios told at their long size."""
    parts, away, deadlock, bugs = [], scenario("away"), scenario("deadlock"), scenario("seeded_bugs")
    if away:
        curve = away["resident_megabytes"]
        shown = curve[::max(1, len(curve) // 9)]
        sizes = [size for _, size in curve]
        parts.append(AWAY.format(**away, least=min(sizes), most=max(sizes), times=" | ".join(f"{at:.0f} s" for at, _ in shown),
                                 ruler="---:|" * len(shown), sizes=" | ".join(str(size) for _, size in shown)))
    if deadlock:
        parts.append(DEADLOCKS.format(**deadlock))
    if bugs:
        parts.append(BUGS.format(**bugs) + bugs_table(bugs) + "\n")
    return parts


def page():
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    results.sort(key=lambda result: (result["date"], result["seconds"]), reverse=True)
    parts = [f"## {result['date']}, seed {result['seed']}, {result['seconds'] / 60:.0f} minutes\n\n{table(result)}\n"
             for result in results]
    return "\n".join([INTRO, *parts, *scenarios()])


if __name__ == "__main__":
    print(page(), end="")
