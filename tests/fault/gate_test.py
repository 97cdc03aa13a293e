"""Everything that can go wrong goes wrong, for a while, and nothing is lost, repeated or out of order.

Options: --minutes M, --seed N (else by chance; it is printed, and the same seed brings the same faults again), --points 0
for a binary without fault points, --only NAME for one kind, --older PATH of another version's binary with which instances take
turns, --json FILE for the result, --history FILE.
"""
import json
import pathlib

from fault.campaign import Campaign
from fault.report import table
from support.sluice import Sluice


def test_nothing_is_lost_repeated_or_out_of_order_whatever_fails(option, seed):
    minutes, only = option("minutes", 2.0), option("only", "")
    again = f"pytest {pathlib.Path(__file__).name} --sluice {Sluice.binary} --minutes {minutes} --seed {seed}"
    campaign = Campaign(seed, 60 * minutes, bool(option("points", 1)), option("rate", 1500), only.split(",") if only else None,
                        path=option("history", None), older=option("older", None))
    result = campaign.run()
    if option("json", ""):
        pathlib.Path(option("json", "")).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(table(result), flush=True)
    assert not result["violations"], f"history: {campaign.path}; again: {again}\n" + "\n".join(result["violations"])
    died = [kind["count"] for name, kind in result["faults"].items() if name.startswith("killed at ")]
    assert not died or any(died), "no fault point was ever passed: does the binary have them?"
    assert sum(kind["open"] for kind in result["faults"].values()) > 0, "no fault met an open transaction"
