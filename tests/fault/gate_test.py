#!/usr/bin/python3
"""Everything that can go wrong goes wrong, for a while, and nothing is lost, repeated or out of order.

--minutes M, --seed N (default: by chance; it is printed, and the same seed brings the same faults again), --points 0 for a
binary without fault points, --only NAME for one kind, --json FILE for the result, --history FILE.
"""
import json
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fault.campaign import Campaign  # noqa: E402
from fault.report import table  # noqa: E402
from support.case import ServiceCase, main  # noqa: E402


class Gate(unittest.TestCase):
    def test_nothing_is_lost_repeated_or_out_of_order_whatever_fails(self):
        options = ServiceCase.options
        seed = options.seed or random.randrange(1, 10**6)
        again = f"{pathlib.Path(__file__).name} --sluice {options.sluice} --minutes {options.minutes} --seed {seed}"
        print(f"seed {seed}; again: {again}", flush=True)
        campaign = Campaign(seed, 60 * options.minutes, bool(options.points), options.rate,
                            options.only.split(",") if options.only else None, path=options.history or None)
        result = campaign.run()
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(table(result), flush=True)
        self.assertFalse(result["violations"], f"history: {campaign.path}; again: {again}\n" + "\n".join(result["violations"]))
        died = [kind["count"] for name, kind in result["faults"].items() if name.startswith("killed at ")]
        self.assertTrue(not died or any(died), "no fault point was ever passed: does the binary have them?")
        self.assertGreater(sum(kind["open"] for kind in result["faults"].values()), 0, "no fault met an open transaction")


if __name__ == "__main__":
    main(minutes=2.0, seed=0, points=1, rate=1500, only="", json="", history="")
