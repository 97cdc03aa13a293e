"""Every state that stops a partition has a way out in the console, and a test that takes it."""
import ast
import pathlib
import re

from support.sluice import run

TESTS = pathlib.Path(__file__).resolve().parents[1]
STREAMS = {"claiming", "ok"}  # nothing is to be left


def marked():
    """{state: [(test, the words that it holds)]} by the mark `state`, on the test or on one of its parameters."""
    found = {}
    for script in TESTS.glob("*/*_test.py"):
        for node in ast.parse(script.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            calls = [call for decorator in node.decorator_list for call in ast.walk(decorator) if isinstance(call, ast.Call)]
            for call in calls:
                if isinstance(call.func, ast.Attribute) and call.func.attr == "state":
                    words = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}
                    found.setdefault(call.args[0].value, []).append((f"{script.name}: {node.name}", words))
    return found


def test_every_state_that_stops_a_partition_is_entered_and_left_by_a_command_that_its_page_names():
    page = run("config", "states").stdout
    rows = re.findall(r"^\| `(\w+)` \|.*\|(.*)\|$", page, re.M)
    tests = marked()
    assert set(tests) == {state for state, _ in rows} - STREAMS
    for state, remedy in rows:
        named = {text.split()[0] for text in re.findall("`(.*?)`", remedy)} - {"explain"}
        for test, words in tests.get(state, []):
            assert words & named, f"{test} leaves {state} by none of {named}"
