"""docs/console.md: its second half is what `sluice config console` prints, its first half has every screen filled in."""
import pathlib
import re

from support.sluice import run

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/console.md"
MARK = "<!-- generated: sluice config console -->\n"


def test_the_reference_is_what_the_command_table_says():
    printed = run("config", "console").stdout
    wanted = PAGE.read_text().partition(MARK)[2]
    assert printed.strip() == wanted.strip(), "write it again: see the line `a command of the console` in docs/hacking.md"


def test_every_screen_is_captured():
    screens = re.findall(r"<!-- screen: (\w+) -->\n\n?```\n(.*?)```", PAGE.read_text(), re.S)
    assert len(screens) >= 8
    assert [name for name, text in screens if not text.strip()] == []
