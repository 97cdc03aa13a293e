"""docs/console.schema.json is what `sluice config json` prints, the second half of docs/console.md what `sluice config console` prints;
its first half and README.md have every screen filled in."""
import pathlib
import re

from support.sluice import run

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/console.md"
MARK = "<!-- generated: sluice config console -->\n"


def test_the_reference_is_what_the_command_table_says():
    printed = run("config", "console").stdout
    wanted = PAGE.read_text().partition(MARK)[2]
    assert printed.strip() == wanted.strip(), "write it again: see the line `a command of the console` in docs/hacking.md"


def test_the_schema_is_what_the_commands_declare():
    printed = run("config", "json").stdout
    assert printed == (PAGE.parent / "console.schema.json").read_text(), "sluice config json >docs/console.schema.json"


def test_every_screen_is_captured():
    pages = PAGE.read_text() + (PAGE.parents[1] / "README.md").read_text()
    screens = re.findall(r"<!-- screen: (\w+) -->\n\n?```\n(.*?)```", pages, re.S)
    assert len(screens) >= 9
    assert [name for name, text in screens if not text.strip()] == []
