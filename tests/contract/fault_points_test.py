"""Fault points and seeded mistakes are in the build that asks for them, and in no other."""
import pathlib
import re

from support.sluice import Sluice

SOURCES = pathlib.Path(__file__).resolve().parents[2]


def table(name):
    """The names in one of the tables of base/failpoint.cc."""
    text = (SOURCES / "base" / "failpoint.cc").read_text(encoding="utf-8")
    body = re.search(rf"auto {name} = .*?\(\{{(.*?)\}}\);", text, re.S)[1]
    return set(re.findall(r'^\s*"(\w+)"', body, re.M))


def used(macro):
    """The names that the code gives to a macro."""
    found = set()
    for folder in ("base", "config", "admin", "mapping", "listener", "sink", "console", "runtime"):
        for path in (SOURCES / folder).rglob("*.cc"):
            found |= set(re.findall(rf'{macro}(?:_DOES|_FAILS)?\("(\w+)"', path.read_text(encoding="utf-8")))
    return found


def test_every_name_is_both_declared_and_used():
    assert table("points") == used("FAILPOINT")
    assert table("bugs") == used("SEEDED_BUG")


def test_the_binary_holds_the_names_only_where_it_was_built_for_faults(pytestconfig):
    binary = pathlib.Path(Sluice.binary).read_bytes()
    names = {"SLUICE_FAULT", "SLUICE_BUG"} | table("bugs") | table("points") - {"bisect"}  # a word of its own
    present = {name for name in names if name.encode() in binary}
    assert present == (names if pytestconfig.getoption("--faults") == "ON" else set())
