#!/usr/bin/python3
"""docs/torture.md is what tests/fault/report.py makes of the results that are kept, and they kept the promise."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fault import report  # noqa: E402
from support.case import main  # noqa: E402

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "torture.md"


class TorturePage(unittest.TestCase):
    def test_the_page_is_made_from_the_results_that_are_kept(self):
        self.assertEqual(PAGE.read_text(encoding="utf-8"), report.page(), "run tests/fault/report.py > docs/torture.md")

    def test_no_kept_result_has_a_violation(self):
        results = [json.loads(path.read_text(encoding="utf-8")) for path in report.RESULTS.glob("*.json")]
        self.assertTrue(results, "no result is kept")
        for result in results:
            self.assertEqual((result["lost"], result["repeated"], result["out_of_order"], result["violations"]), (0, 0, 0, []))


if __name__ == "__main__":
    main()
