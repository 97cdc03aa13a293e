"""docs/console-cases.md says what the tests are, and no case is without one."""
from support import console_cases
from support.console_cases import CASES, PAGE


def test_every_case_has_a_test_and_every_mark_a_case():
    found = console_cases.tests()
    assert [number for number in CASES if number not in found] == []
    assert [number for number in found if number not in CASES] == []


def test_the_page_is_made_from_the_marks(pytestconfig):
    if pytestconfig.getoption("--update"):
        PAGE.write_text(console_cases.page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == console_cases.page(), "run pytest tests/console/cases_test.py --update"
