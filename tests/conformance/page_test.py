"""docs/conformance.md says what the tests are, and every case is somewhere."""
from support import conformance_page
from support.conformance_page import ELSEWHERE, NOT_APPLICABLE, PAGE, ROOT


def test_every_case_has_a_test_or_a_reason():
    shown = {case[:3] for case in conformance_page.tests()}
    for case in conformance_page.known():
        assert sum((case in shown, case in ELSEWHERE, case in NOT_APPLICABLE)) == 1, case


def test_tests_elsewhere_are_there():
    for where in ELSEWHERE.values():
        script, name = where.split()
        assert f" {name}" in (ROOT / "tests" / script).read_text(encoding="utf-8"), where


def test_the_page_is_made_from_the_tests(pytestconfig):
    if pytestconfig.getoption("--update"):
        PAGE.write_text(conformance_page.page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == conformance_page.page(), "run pytest tests/conformance/page_test.py --update"
