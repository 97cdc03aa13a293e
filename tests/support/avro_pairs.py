"""Runs under `tools/registry python`: random Avro schemas, values of each, and what fastavro reads of their bytes.

    avro_pairs.py SEED SCHEMAS VALUES

Each line of stdout is {"schema", "values": [[the datum in base64, the JSON that the value stands for], ...]}. The value is the
field v of the datum's record, and its JSON is made of what fastavro has read, not of what was written.
"""
import base64
import datetime
import decimal
import io
import json
import random
import struct
import sys
import uuid

import fastavro

DEEPEST = 4
LETTERS = "aZ09 _-\"\\/\n\té€\U0001f600"
UTC = datetime.timezone.utc
LOGICAL = [("int", "date"), ("int", "time-millis"), ("long", "time-micros"), ("long", "timestamp-millis"),
           ("long", "timestamp-micros"), ("long", "local-timestamp-millis"), ("long", "local-timestamp-micros"),
           ("string", "uuid")]
# On a type that they are not for: other readers ignore them.
MISPLACED = [("long", "date"), ("int", "time-micros"), ("int", "timestamp-millis"), ("string", "timestamp-micros"), ("bytes", "uuid"),
             ("double", "decimal"), ("string", "unheard-of")]


class Generator:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.names, self.spaces = 0, [""]
        self.named = {}  # of the schema that is being made, those that are finished

    def name(self):
        self.names += 1
        return f"N{self.names}"

    def keep(self, made):
        """A named type, which may be referred to from now on."""
        space = self.spaces[-1]
        self.named[f"{space}.{made['name']}" if space else made["name"]] = made
        return made

    def record(self, depth):
        name, space = self.name(), self.chance.choice([self.spaces[-1], "", "a.b"])
        self.spaces.append(space)
        fields = [{"name": f"{name}_{n}", "type": self.schema(depth + 1), "aliases": ["old"]} for n in range(self.chance.randrange(4))]
        made = self.keep({"type": "record", "name": name, "namespace": space, "aliases": ["Old"], "doc": "x", "fields": fields})
        self.spaces.pop()
        return made

    def union(self, depth):
        """Of several types, which their values tell apart."""
        chance = self.chance
        branches = [lambda: "null", lambda: "boolean", lambda: chance.choice(["int", "long"]), lambda: chance.choice(["float", "double"]),
                    lambda: "bytes", lambda: "string", lambda: {"type": "array", "items": self.schema(depth + 1)},
                    lambda: {"type": "map", "values": self.schema(depth + 1)}, lambda: self.record(depth), lambda: self.record(depth)]
        return [make() for make in chance.sample(branches, chance.randrange(1, 6))]

    def schema(self, depth):
        chance = self.chance
        kind = chance.randrange(16 if depth < DEEPEST else 9)
        if kind < 5:
            return chance.choice(["null", "boolean", "int", "long", "float", "double", "bytes", "string"])
        if kind == 5:
            of, logical = chance.choice(LOGICAL + MISPLACED)
            return {"type": of, "logicalType": logical}
        if kind == 6:
            precision = chance.randrange(1, 40)
            made = {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": chance.randrange(precision + 1)}
            return made if chance.randrange(2) else self.keep({**made, "type": "fixed", "name": self.name(), "size": 17})
        if kind == 7:
            return self.keep({"type": "enum", "name": self.name(), "symbols": [f"S{n}" for n in range(chance.randrange(1, 5))],
                              "default": "S0"})
        if kind == 8:
            return self.keep({"type": "fixed", "name": self.name(), "size": chance.randrange(5)})
        if kind == 9:
            return {"type": "array", "items": self.schema(depth + 1)}
        if kind == 10:
            return {"type": "map", "values": self.schema(depth + 1)}
        if kind == 11:
            return self.record(depth)
        if kind == 12:
            return self.union(depth)
        # Within a namespace there is no way to name a type of none.
        names = [name for name in sorted(self.named) if "." in name or not self.spaces[-1]]
        if kind == 13 and names:
            return chance.choice(names)
        known = dict(self.named)
        other = self.schema(depth + 1)
        if other != "null" and not isinstance(other, list):
            return ["null", other]
        self.named = known
        return ["int", "string"]

    def resolved(self, schema):
        return self.named.get(schema, schema) if isinstance(schema, str) else schema

    def value(self, schema):
        chance = self.chance
        schema = self.resolved(schema)
        if isinstance(schema, list):
            chosen = chance.choice(schema)
            value = self.value(chosen)
            if isinstance(chosen, dict) and chosen["type"] == "record":  # as fastavro wants to be told which one it is
                return (f"{chosen['namespace']}.{chosen['name']}".lstrip("."), value)
            return value
        kind, logical = (schema, None) if isinstance(schema, str) else (schema["type"], schema.get("logicalType"))
        if (kind, logical) in LOGICAL or logical == "decimal" and kind != "double":
            return self.meaning(schema, logical)
        if kind in ("int", "long"):
            bits = chance.randrange(1, 32 if kind == "int" else 64)
            return chance.choice([-1, 1]) * chance.getrandbits(bits) - chance.randrange(2)
        if kind in ("float", "double"):
            size, form = (4, "<f") if kind == "float" else (8, "<d")
            made = struct.unpack(form, chance.randbytes(size))[0]
            return made if abs(made) < float("inf") else 0.5  # neither NaN nor infinite: JSON has neither
        if kind == "bytes":
            return chance.randbytes(chance.randrange(6))
        if kind == "string":
            return "".join(chance.choices(LETTERS, k=chance.randrange(40)))
        if kind == "array":
            return [self.value(schema["items"]) for _ in range(chance.randrange(4))]
        if kind == "map":
            return {f"k{n}": self.value(schema["values"]) for n in range(chance.randrange(4))}
        if kind == "record":
            return {field["name"]: self.value(field["type"]) for field in schema["fields"]}
        simple = {"null": lambda: None, "boolean": lambda: chance.random() < 0.5}
        return simple[kind]() if kind in simple else (
            chance.choice(schema["symbols"]) if kind == "enum" else chance.randbytes(schema["size"]))

    def meaning(self, schema, logical):
        chance = self.chance
        if logical == "decimal":
            digits = chance.randrange(10 ** chance.randrange(schema["precision"] + 1)) * chance.choice([-1, 1])
            return decimal.Decimal(digits).scaleb(-schema["scale"], decimal.Context(prec=50))
        if logical == "uuid":
            return uuid.UUID(int=chance.getrandbits(128))
        micros = chance.randrange(86_400_000_000)
        if logical.endswith("millis"):
            micros -= micros % 1000
        moment = datetime.datetime(1, 1, 1) + datetime.timedelta(chance.randrange(3_652_000), 0, micros)
        if logical == "date":
            return moment.date()
        if logical.startswith("time-"):
            return moment.time()
        return moment if logical.startswith("local") else moment.replace(tzinfo=UTC)


def digits_of(number, is_float):
    if not is_float:
        return repr(number)
    return next(text for digits in range(1, 10) for text in [f"{number:.{digits}g}"]
                if struct.pack("<f", float(text)) == struct.pack("<f", number))


def moment_text(value):
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(" ")
    return value.isoformat()


def branch_of(value, union, named):
    """Which of the types fastavro has read the value by."""
    if isinstance(value, dict):
        for one in (named.get(one, one) if isinstance(one, str) else one for one in union):
            if isinstance(one, dict) and one["type"] == "record" and [field["name"] for field in one["fields"]] == list(value):
                return one
    kinds = {bool: ["boolean"], int: ["int", "long"], float: ["float", "double"], bytes: ["bytes"], str: ["string"], list: ["array"],
             dict: ["map"], type(None): ["null"]}.get(type(value), [])
    found = [one for one in union if (one if isinstance(one, str) else one["type"]) in kinds]
    return found[0] if found else next(one for one in union if one != "null")


def json_of(value, schema, named):
    """As Sluice's documentation says that a value looks in a json column."""
    schema = named.get(schema, schema) if isinstance(schema, str) else schema
    if isinstance(schema, list):
        return json_of(value, branch_of(value, schema, named), named)
    kind = schema if isinstance(schema, str) else schema["type"]
    if value is None or isinstance(value, (bool, str, int)):
        return json.dumps(value)
    if isinstance(value, bytes):
        return json.dumps("\\x" + value.hex())
    if isinstance(value, float):
        return digits_of(value, kind == "float")
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, (datetime.date, datetime.time)):
        return json.dumps(moment_text(value))
    if isinstance(value, uuid.UUID):
        return json.dumps(str(value))
    if isinstance(value, list):
        return "[" + ",".join(json_of(one, schema["items"], named) for one in value) + "]"
    types = {field["name"]: field["type"] for field in schema["fields"]} if kind == "record" else None
    return "{" + ",".join(f"{json.dumps(name)}:{json_of(one, types[name] if types else schema['values'], named)}"
                          for name, one in value.items()) + "}"


def main():
    seed, schemas, values = map(int, sys.argv[1:])
    generator, identifier = Generator(seed), 0
    for _ in range(schemas):
        generator.named = {}
        inner = {"type": "record", "name": "Wrap", "fields": [{"name": "x", "type": generator.schema(0)}]}
        schema = {"type": "record", "name": "Row", "fields": [{"name": "id", "type": "long"}, {"name": "v", "type": inner}]}
        parsed, pairs = fastavro.parse_schema(json.loads(json.dumps(schema))), []
        for _ in range(values):
            identifier += 1
            written = io.BytesIO()
            fastavro.schemaless_writer(written, parsed, {"id": identifier, "v": generator.value(inner)})
            read = fastavro.schemaless_reader(io.BytesIO(written.getvalue()), parsed)
            pairs.append([base64.b64encode(written.getvalue()).decode(), json_of(read["v"], inner, generator.named)])
        print(json.dumps({"schema": json.dumps(schema), "values": pairs}))


if __name__ == "__main__":
    main()
