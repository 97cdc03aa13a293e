"""Fault points and seeded mistakes are in the build that asks for them, and in no other.

Usage: fault_points_test.py --sluice PATH --faults ON|OFF (what this build was configured with)
"""
import argparse
import pathlib
import re
import subprocess
import sys
import unittest

SOURCES = pathlib.Path(__file__).resolve().parents[2]
options = None


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
            found |= set(re.findall(rf'{macro}(?:_DOES)?\("(\w+)"', path.read_text(encoding="utf-8")))
    return found


class FaultPoints(unittest.TestCase):
    def test_every_name_is_both_declared_and_used(self):
        self.assertEqual(table("points"), used("FAILPOINT"))
        self.assertEqual(table("bugs"), used("SEEDED_BUG"))

    def test_the_binary_holds_the_names_only_where_it_was_built_for_faults(self):
        binary = pathlib.Path(options.sluice).read_bytes()
        names = {"SLUICE_FAULT", "SLUICE_BUG"} | table("bugs") | table("points") - {"bisect"}  # a word of its own
        present = {name for name in names if name.encode() in binary}
        self.assertEqual(present, names if options.faults == "ON" else set())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--faults", choices=("ON", "OFF"), required=True)
    options, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
