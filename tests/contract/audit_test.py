"""docs/audit.md has every entry of both audits and every report from the field, and the tests that it names are there."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/audit.md"
CORE = [*(f"C{n}" for n in range(1, 24)), *(f"C24{letter}" for letter in "abcdefghijklmnopq"), *(f"U{n}" for n in range(1, 13)),
        *(f"S{n}" for n in range(1, 9))]
SECURITY = [*(f"S{n}" for n in range(1, 27)), *(f"O{n}" for n in range(1, 25)), *(f"F{n}" for n in range(1, 18))]
REPORTS = [f"R{n}" for n in range(1, 14)]


def sections():
    """[[(entry, what stands in its last column)]] of each table."""
    return [re.findall(r"^\| (\w+) \| .+? \| (.+) \|$", text, re.M)[1:] for text in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]]


def all_tests():
    found = set()
    for path in (ROOT / "tests").glob("*/**/*_test.cc"):
        found |= {".".join(name) for name in re.findall(r"^TEST(?:_F|_P)?\((\w+),\s+(\w+)\)", path.read_text(encoding="utf-8"), re.M)}
    for path in (ROOT / "tests").glob("*/*_test.py"):
        names = re.findall(r"^ *(?:def )?(test_\w+)(?:\(| = )", path.read_text(encoding="utf-8"), re.M)
        found |= {f"{path.parent.name}/{path.name}::{name}" for name in names}
    return found


def test_every_entry_and_every_report_has_its_row():
    assert [[entry for entry, _ in section] for section in sections()] == [CORE, SECURITY, REPORTS]


def test_each_entry_names_tests_that_are_there_or_says_why_there_is_none():
    known = all_tests()
    for entry, last in sum(sections(), []):
        named = re.findall(r"`([^`]+)`", last)
        if last.startswith("none: "):
            assert len(last) > 40, f"{entry}: why is there none?"
        else:
            assert named and [one for one in named if one not in known] == [], entry
