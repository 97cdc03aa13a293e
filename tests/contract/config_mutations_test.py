"""Whatever stands in a configuration file, `sluice check` answers with exit 0 or 2, with one line, and at once.

Seeded mutations of a good file; the same on every run. Usage: config_mutations_test.py --sluice PATH
"""

import os
import random
import re
import tempfile
import time

import pytest

from support.sluice import run

MARKER = "Rumpelstiltskin"
SEED = 20260
LEAST_MUTATIONS = 400

GOOD = """# every line but this one matters
pipeline = "shop"

[kafka]
brokers = "127.0.0.1:9092,127.0.0.1:9093"
group = "sluice-shop"
start = "earliest"
strategy = "range"
instance = "one"
[kafka.properties]
"security.protocol" = "SASL_PLAINTEXT"
"sasl.password" = "Rumpelstiltskin"

[postgres]
url = "postgresql://app:Rumpelstiltskin@127.0.0.1:5432/shop"
schema = "sluice"
lanes = 2

[batch]
rows = 2000
bytes = "8MiB"
linger = "5ms"
adaptive = true

[[route]]
topics = ["shop.orders", "^shop\\\\.(a|b)$"]
format = "auto"
table = "public.orders"
mode = "upsert"
key = ["id", "region"]
key_from = "auto"
delete = "apply"
truncate = "ignore"
unknown_fields = "reject"
on_error = "dead_letter"
max_dead_letters = 1000

[[route]]
topics = ["shop.log"]
table = "public.log"
mode = "insert"
key = []

[console]
listen = "127.0.0.1:2222"
user = "ops"
host_key = "/var/lib/sluice/host_ed25519"
keys = "/etc/sluice/authorized_keys"

[http]
listen = "127.0.0.1:9187"

[log]
level = "info"
format = "text"
"""

WRONG_VALUES = [
    "", '""', '" "', "0", "-1", "3.5", "1e400", "nan", "99999999999999999999", "true", "[]", "[1]", '["a", 1]', "{}",
    "{ a = 1 }", "1979-05-27", "07:32:00Z", '"5"', '"5 parsecs"', '"5MiB"', '"5ms"', '"-5s"', '"\\u0000"',
    '"\\uD800"', '"a\\nb"', '"' + "x" * 5000 + '"', "'''\nmany\nlines'''", '"${env:SLUICE_NOT_SET}"',
    '"${file:/nowhere}"', '"${file:/dev/zero}"', '"${credential:../../etc/passwd}"', '"${"', '"${x:y}"', "unquoted",
    '"open', "'open", '"""open', "[[[[", '"{1}.{2}"', '"^("', '"*"', "inf",
]  # fmt: skip


def fixed_mutations(good):
    """Mutations worth having whatever the dice say: name and bytes."""
    lines = good.splitlines(keepends=True)
    yield "the good file", good
    yield "empty", b""
    yield "no line end", good.rstrip()
    yield "carriage returns", good.replace(b"\n", b"\r\n")
    yield "byte order mark", b"\xef\xbb\xbf" + good
    yield "UTF-16", good.decode().encode("utf-16")
    yield "twice", good + good
    yield "huge comment", good + b"# " + b"x" * 900_000
    yield "too huge", good + b"#" * 2_000_000
    yield "huge string", good.replace(b'"ops"', b'"' + b"x" * 900_000 + b'"')
    yield "many keys", b"".join(b"k%d = 1\n" % i for i in range(50_000))
    yield "many routes", good + b"[[route]]\n" * 20_000
    yield "many topics", good.replace(b'["shop.log"]', b"[%s]" % b",".join(b'"t%d"' % i for i in range(20_000)))
    yield "many expressions", good.replace(b'["shop.log"]', b"[%s]" % b",".join(b"'^t%d.*'" % i for i in range(1_000)))
    yield "deep dotted key", b"a." * 400_000 + b"a = 1\n"
    yield "deep dotted header", b"[" + b"a." * 400_000 + b"a]\n"
    yield "deep dotted key with quotes and spaces", b"'a' . \"b\" ." * 70_000 + b"a = 1\n"
    yield "deep arrays", good + b"x = " + b"[" * 300_000
    yield "deep inline tables", good + b"x = " + b"{a=" * 300_000
    yield "deep properties", good.replace(b'"security.protocol"', b"a." * 30_000 + b"b")
    yield "greedy expression", good.replace(b'"shop.log"', b'"^' + b"(a{1000}){1000}" * 3 + b'"')
    yield "nested expression", good.replace(b'"shop.log"', b'"^' + b"(" * 400 + b")" * 400 + b'"')
    yield "only NUL", b"\0" * 1000
    yield "only brackets", b"[" * 1000
    yield "control characters in a key", good + b'"a\\nb\\tc\\u0007" = 1\n'
    for index, line in enumerate(lines):
        rest = lambda new: b"".join(lines[:index] + new + lines[index + 1 :])
        yield f"line {index + 1} missing", rest([])
        yield f"line {index + 1} twice", rest([line, line])
        yield f"line {index + 1} cut", b"".join(lines[:index]) + line[: len(line) // 2]
        if b" = " in line:
            key, value = line.rstrip(b"\n").split(b" = ", 1)
            yield f"key of line {index + 1} mistyped", rest([key[:-1] + b"_x = " + value + b"\n"])
            yield f"key of line {index + 1} without value", rest([key + b" =\n"])
            yield f"value of line {index + 1} not closed", rest([key + b" = " + value[:-1] + b"\n"])


def drawn_mutation(dice, good):
    """One mutation by dice: a value of a wrong kind, or damage to the bytes."""
    lines = good.splitlines(keepends=True)
    if dice.random() < 0.6:
        index = dice.choice([i for i, line in enumerate(lines) if b" = " in line])
        value = dice.choice(WRONG_VALUES)
        key = lines[index].split(b" = ", 1)[0]
        lines[index] = key + b" = " + value.encode() + b"\n"
        return f"{key.decode()} = {value[:40]}", b"".join(lines)
    damage = bytearray(good)
    at = dice.randrange(len(damage))
    kind = dice.choice(["insert", "change", "remove", "swap", "repeat"])
    if kind == "insert":
        damage[at:at] = dice.choice([b"\0", b"\xff", b"\xc3", b'"', b"'", b"[", b"]", b"=", b"\n", b".", b"#", b"\\", b"{"])
    elif kind == "change":
        damage[at] = dice.randrange(256)
    elif kind == "remove":
        del damage[at : at + dice.randrange(1, 40)]
    elif kind == "repeat":
        damage[at:at] = damage[at : at + 60]
    else:
        dice.shuffle(lines)
        damage = b"".join(lines)
    return f"{kind} at {at}", bytes(damage)


def check(path):
    """Runs sluice on the file: exit code, output, standard error, seconds (printed, and compared with nothing)."""
    begin = time.monotonic()
    done = run("check", "--config", path, seconds=60)
    return done.returncode, done.stdout, done.stderr, time.monotonic() - begin


def judge(path, name):
    code, out, err, seconds = check(path)
    assert code in (0, 2), f"{name}: {err[:300]!r}"
    assert MARKER not in out + err, f"{name}: a secret was printed"
    if code == 2:
        assert err.count("\n") == 1, f"{name}: {err[:300]!r}"
        assert err.endswith("\n"), name
        assert re.search(f"^{re.escape(path)}:[0-9]+:[0-9]+: [^:]+: ..*; ..*\n$", err), name
    return code, seconds


def test_every_mutation_gets_one_clear_line_at_once():
    good = GOOD.encode()
    dice = random.Random(SEED)
    mutations = list(fixed_mutations(good))
    mutations += [drawn_mutation(dice, good) for _ in range(250)]
    assert len(mutations) >= LEAST_MUTATIONS
    codes, slowest, problems = {0: 0, 2: 0}, 0.0, []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mutated.toml")
        for name, content in mutations:
            with open(path, "wb") as file:
                file.write(content)
            try:
                code, seconds = judge(path, name)
                codes[code] += 1
                slowest = max(slowest, seconds)
            except AssertionError as problem:  # the others are tried all the same
                problems.append(str(problem))
    print(f"{len(mutations)} mutations: {codes[0]} accepted, {codes[2]} refused, slowest {slowest * 1000:.1f} ms")
    assert not problems, "\n".join(problems[:20])
    assert codes[2] > len(mutations) // 2, "most mutations break the file"


def test_the_good_file_is_accepted():
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(GOOD.encode())
        file.flush()
        code, out, err, _ = check(file.name)
        assert (code, err) == (0, "")
        assert MARKER not in out


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing", "endless"])
def test_what_is_no_file_is_refused_like_a_wrong_one(kind, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    path = {"folder": str(tmp_path), "endless": "/dev/zero"}.get(kind, str(tmp_path / kind))
    assert judge(path, path)[0] == 2
