"""What a document of the console has against `sluice config json`, the JSON Schema that the program prints; a field that is not in it
counts, although readers are to ignore those. Knows the keywords that the schema has, and no other."""
import functools
import json
import re

from support.sluice import run

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
NOTES = {"$schema", "$defs", "title", "description"}
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@functools.cache
def console_schema():
    return json.loads(run("config", "json").stdout)


def is_of(value, name):
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def findings(value, schema, root, place="$"):
    """One line for each difference."""
    for keyword, wanted in schema.items():
        if keyword == "$ref":
            yield from findings(value, root["$defs"][wanted.removeprefix("#/$defs/")], root, place)
        elif keyword == "type":
            if not any(is_of(value, one) for one in ([wanted] if isinstance(wanted, str) else wanted)):
                yield f"{place}: {value!r} is not of type {wanted}"
        elif keyword == "const" or keyword == "enum":
            if value not in ([wanted] if keyword == "const" else wanted):
                yield f"{place}: {value!r} is not {wanted!r}"
        elif keyword == "format":
            assert wanted == "date-time"
            if isinstance(value, str) and not DATE_TIME.fullmatch(value):
                yield f"{place}: {value!r} is not a {wanted}"
        elif keyword == "required":
            if isinstance(value, dict):
                yield from (f"{place}: no field {one!r}" for one in wanted if one not in value)
        elif keyword == "properties":
            if isinstance(value, dict):
                for name, one in wanted.items():
                    if name in value:
                        yield from findings(value[name], one, root, f"{place}.{name}")
                if "required" in schema:  # the schema of a whole object, not a condition on one
                    yield from (f"{place}: field {name!r} is not declared" for name in value if name not in wanted)
        elif keyword == "items":
            if isinstance(value, list):
                for at, one in enumerate(value):
                    yield from findings(one, wanted, root, f"{place}[{at}]")
        elif keyword == "allOf":
            for one in wanted:
                yield from findings(value, one, root, place)
        elif keyword == "if":
            if not list(findings(value, wanted, root, place)):
                yield from findings(value, schema["then"], root, place)
        else:
            assert keyword in NOTES | {"then"}, f"a keyword that is not known here: {keyword}"


def check_document(document):
    """Of a command with --json."""
    schema = console_schema()
    found = list(findings(document, schema, schema))
    assert found == [], f"{document.get('command')} prints what its schema does not say: {found[:5]}"


def check_line(command, line):
    """Of a command that writes lines of JSON without documents around them."""
    schema = console_schema()
    found = list(findings(line, schema["$defs"][command.replace(" ", "_")], schema))
    assert found == [], f"{command} prints what its schema does not say: {found[:5]}"
