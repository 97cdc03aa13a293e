#!/usr/bin/python3
"""docs/console.md: its second half is what `sluice config console` prints, its first half has every screen filled in."""
import argparse
import pathlib
import re
import subprocess
import sys
import unittest

SLUICE = "sluice"
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/console.md"
MARK = "<!-- generated: sluice config console -->\n"


class ConsolePage(unittest.TestCase):
    def test_the_reference_is_what_the_command_table_says(self):
        printed = subprocess.run([SLUICE, "config", "console"], capture_output=True, text=True, timeout=20, check=True).stdout
        self.assertEqual(printed.strip(), PAGE.read_text().partition(MARK)[2].strip(),
                         "write it again: see the line `a command of the console` in docs/hacking.md")

    def test_every_screen_is_captured(self):
        screens = re.findall(r"<!-- screen: (\w+) -->\n\n?```\n(.*?)```", PAGE.read_text(), re.S)
        self.assertGreaterEqual(len(screens), 8)
        self.assertEqual([], [name for name, text in screens if not text.strip()])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--sluice", required=True)
    options, others = parser.parse_known_args()
    SLUICE = options.sluice
    unittest.main(argv=[sys.argv[0], *others], verbosity=2)
