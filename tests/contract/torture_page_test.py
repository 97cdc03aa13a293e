"""docs/torture.md is what tests/fault/report.py makes of the results that are kept, and they kept the promise."""
import json
import pathlib

from fault import report

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "torture.md"


def test_the_page_is_made_from_the_results_that_are_kept():
    assert PAGE.read_text(encoding="utf-8") == report.page(), "run tests/fault/report.py > docs/torture.md"


def test_no_kept_result_has_a_violation():
    results = [json.loads(path.read_text(encoding="utf-8")) for path in report.RESULTS.glob("*.json")]
    assert results, "no result is kept"
    for result in results:
        assert (result["lost"], result["repeated"], result["out_of_order"], result["violations"]) == (0, 0, 0, [])
