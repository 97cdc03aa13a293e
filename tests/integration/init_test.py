"""`sluice init` for a topic: the file that it proposes passes `check`, and with its DDL loads the topic without a dead letter."""
import itertools
import json
import pathlib
import re

import pytest

from support.pipeline import Pipeline, encode
from support.registry import StubRegistry, frame, number, text as registry_text
from support.sluice import NOBODY, run

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "debezium"
NUMBERS = itertools.count(1)
PASSWORD = "hunter2"


def connect(fields, payload):
    """A value of Connect's JSON converter with its schema."""
    schema = {"type": "struct", "fields": [{"field": name, "type": kind, "optional": True} for name, kind in fields.items()]}
    return encode({"schema": schema, "payload": payload})


def recorded(name):
    lines = [json.loads(line) for line in (DATA / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()]
    return [(encode(line["key"]), encode(line["value"])) for line in lines]


# Of each topic: its records, the rows that must be there then, and what the proposal has to say.
TOPICS = {
    "orders": ([(b"%d" % n, encode({"id": n, "total": 1.5 if n % 2 else 2, "tags": ["a"], "open": n % 3 == 0, "note": None}))
                for n in range(1, 31)] + [(b"7", None)], 29,
               ['format = "json"', 'key = ["id"]', '#   "id" bigint NOT NULL,', '#   "total" numeric,', '#   "tags" jsonb,',
                '#   "open" boolean,', '#   "note" text,  -- only nulls were seen']),
    "pairs": ([(encode({"tenant": f"t{n % 2}", "n": n % 5}), encode({"v": n})) for n in range(20)], 10,
              ['key = ["tenant", "n"]', '#   "tenant" text NOT NULL,', '#   PRIMARY KEY ("tenant", "n")']),
    "sessions": ([(f"s{n % 4}".encode(), encode({"id": 7, "Page": n})) for n in range(12)], 4,
                 ['key = ["record_key"]', 'key_from = "record_key"', "one value that no field repeats"]),
    "shared": ([(f"c{n % 3}".encode(), encode({"id": n, "customer": f"c{n % 3}"})) for n in range(12)], 12,
               ['key = ["id"]', 'key_from = "record_value"', "seems to serve partitioning only"]),
    "clicks": ([(None, encode({"at": f"2026-01-{n:02}T00:00:00Z", "big": 10**25 + n})) for n in range(1, 10)], 9,
               ['mode = "insert"', "key = []", '#   "big" numeric', "each record becomes a row of its own"]),
    "users": ([(None, encode({"uuid": f"u{n % 3}", "name": n})) for n in range(9)], 3,
              ['key = ["uuid"]', 'key_from = "record_value"', "make sure that it names a row"]),
    "flat": ([(encode({"id": n % 4}), encode({"id": n % 4, "v": n, "__deleted": "true" if n == 7 else "false"})) for n in range(8)], 3,
             ["delete_when = \"__deleted = 'true'\"", 'columns.exclude = ["__deleted"]']),
    "typed": ([(b"%d" % n, connect({"id": "int32", "ratio": "float", "never": "int16"}, {"id": n, "ratio": 0.5, "never": None}))
               for n in range(5)], 5,
              ['format = "connect-json"', '#   "id" integer NOT NULL,', '#   "ratio" real,', '#   "never" smallint,']),
    "mixed": ([(b"1", encode({"id": 1})), (b"2", connect({"id": "int64"}, {"id": 2}))], 2, ['format = "auto"', "of several formats"]),
    "everything-schema": (recorded("everything-schema"), None, ['format = "debezium"', 'key = ["id"]', '#   "tsz" timestamp with time zone,']),
    "everything": (recorded("everything"), None, ['format = "debezium"', 'table = "public.everything"']),
    "bigtext-schema": (recorded("bigtext-schema"), None, ['#   "id" integer NOT NULL,']),
}


@pytest.fixture
def look(broker, database):
    def begin(topic, *more):
        done = run("init", "--brokers", broker.bootstrap, "--topic", topic, "--postgres",
                   database.url.replace("app@", f"app:{PASSWORD}@"), *more)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert PASSWORD not in done.stdout
        return done.stdout
    return begin


def check(text, folder):
    config = folder / "proposed.toml"
    config.write_text(text, encoding="utf-8")
    config.chmod(0o600)
    for name in re.findall(r"\$\{credential:(\w+)\}", text):
        (folder / name).write_text(PASSWORD)
        (folder / name).chmod(0o600)
    return run("check", "--config", str(config), CREDENTIALS_DIRECTORY=str(folder))


def ddl_of(text):
    """The statement in the comments, for a table of the test's own name: some events name the same one."""
    return "\n".join(re.sub("^# ", "", line) for line in re.search(r"(?ms)^# CREATE TABLE .*?^# \);$", text)[0].splitlines())


def test_what_is_proposed_for_a_topic_passes_check_and_loads_it_without_a_dead_letter(broker, database, services, look, tmp_path):
    routes, topics = [], {}
    for name, (records, _, wanted) in TOPICS.items():
        topic = topics[name] = broker.create_topic(f"{database.name}.{name}")
        broker.publish(topic, records, 0)
        text = look(topic)
        assert [one for one in wanted if one not in text] == [], text
        said = check(text, tmp_path)
        assert said.returncode == 0, f"{said.stderr}\n{text}"
        table = f"t_{name.replace('-', '_')}"
        database.sql(re.sub(r'TABLE "public"\."\w+"', f'TABLE "public"."{table}"', ddl_of(text)))
        routes.append(re.sub(r'(?m)^table = .*$', f'table = "public.{table}"', text[text.index("[[route]]"):]))
    service = services("\n".join(routes)).start()
    Pipeline(broker, database, services).wait_caught_up(*topics.values())
    assert database.dead_letters() == {}
    for name, (_, rows, _) in TOPICS.items():
        if rows is not None:
            assert database.sql(f"SELECT count(*) FROM t_{name}") == [(rows,)], name
    assert service.stop() == 0


def test_a_topic_without_records_gives_a_file_of_placeholders_that_passes_check(broker, look, tmp_path):
    text = look(broker.create_topic(f"nothing{next(NUMBERS)}"))
    assert "# No record was seen" in text
    assert check(text, tmp_path).returncode == 0


def test_records_of_no_format_are_counted_and_told(broker, look, tmp_path):
    topic = broker.create_topic(f"noise{next(NUMBERS)}")
    broker.publish(topic, [(b"1", b"no json"), (b"2", encode([1])), (b"3", encode({"id": 3}))], 0)
    text = look(topic)
    assert "# 2 records are events of no format" in text and 'key = ["id"]' in text
    assert check(text, tmp_path).returncode == 0


@pytest.mark.parametrize("url, wanted", [
    ("postgresql://u:hunter2@h:1/d", "postgresql://u:${credential:postgres_password}@h:1/d"),
    ("postgresql://h/d?user=u&password=hunter2&sslmode=require", "postgresql://h/d?user=u&password=${credential:postgres_password}&sslmode=require"),
    ("host=h user=u password='hunter2' dbname=d", "host=h user=u password=${credential:postgres_password} dbname=d"),
    ("postgresql://u@h/d", "postgresql://u@h/d")])
def test_a_password_becomes_a_reference(url, wanted, broker):
    done = run("init", "--brokers", broker.bootstrap, "--topic", broker.create_topic("passwords"), "--postgres", url)
    assert f'url = "{wanted}"\n' in done.stdout
    assert PASSWORD not in done.stdout + done.stderr


TYPES = {"id": ("int", "integer"), "name": (["null", "string"], "text"), "none": (["null", "float"], "real"),
         "at": ({"type": "long", "logicalType": "timestamp-micros"}, "timestamp with time zone"),
         "price": ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, "numeric(9,2)"),
         "tag": ({"type": "string", "logicalType": "uuid"}, "uuid"), "list": ({"type": "array", "items": "int"}, "integer[]")}


@pytest.fixture
def registry():
    row = {"type": "record", "name": "Row", "fields": [{"name": name, "type": kind} for name, (kind, _) in TYPES.items()]}
    made = StubRegistry({"7": {"schema": json.dumps(row)}, "8": {"schema": '"int"'}})
    yield made
    made.remove()


def test_frames_are_read_with_the_registry_whose_password_is_not_printed(broker, look, registry, tmp_path):
    topic = broker.create_topic(f"framed{next(NUMBERS)}")
    rest = number(0) + number(1709210096789012) + number(1) + b"\5" + registry_text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11") + number(0)
    broker.publish(topic, [(frame(8, number(21)), frame(7, number(21) + number(1) + registry_text("abc") + rest)),
                           (frame(8, number(22)), frame(7, number(22) + number(0) + rest))], 0)
    text = look(topic, "--registry", registry.url.replace("://", f"://reader:{PASSWORD}@"))
    assert 'format = "avro"' in text and 'key = ["id"]' in text
    types = [f'  "{name}" {kind}{" NOT NULL" if name == "id" else ""},' for name, (_, kind) in TYPES.items()]
    assert ddl_of(text).splitlines()[1:] == [*types, '  PRIMARY KEY ("id")', ");"]
    assert "://reader:${credential:registry_password}@127.0.0.1" in text
    assert check(text, tmp_path).returncode == 0


def test_properties_are_those_of_the_file_and_passwords_in_them_references(broker, look, tmp_path):
    topic = broker.create_topic(f"props{next(NUMBERS)}")
    text = look(topic, "--property", "security.protocol=PLAINTEXT", "--property", f"sasl.password={PASSWORD}")
    assert '"security.protocol" = "PLAINTEXT"' in text and '"sasl.password" = "${credential:kafka_sasl_password}"' in text
    assert check(text, tmp_path).returncode == 0


def test_frames_need_a_registry(broker, database):
    topic = broker.create_topic(f"framed{next(NUMBERS)}")
    broker.publish(topic, [(b"1", b"\0\0\0\0\x07xyz")], 0)
    done = run("init", "--brokers", broker.bootstrap, "--topic", topic, "--postgres", database.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--registry http://HOST:PORT" in done.stderr


@pytest.mark.parametrize("words, code", [
    (["--brokers", NOBODY, "--topic", "t", "--postgres", "postgresql://h/d"], 1),
    (["--brokers", NOBODY, "--topic", "^t", "--postgres", "postgresql://h/d"], 2),
    (["--brokers", NOBODY, "--topic", "t", "--postgres", "mysql://u:hunter2@h/d"], 2),
    (["--brokers", NOBODY, "--topic", "t", "--postgres", "postgresql://h/d", "--property", "no.such=hunter2"], 2),
    (["--brokers", NOBODY, "--topic", "t", "--postgres", "postgresql://h/d", "--from-connect", "f"], 2)])
def test_what_is_wrong_is_one_line(words, code):
    done = run("init", *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
    assert PASSWORD not in done.stderr


def test_a_topic_that_is_not_there_is_named(kafka, database):
    done = run("init", "--brokers", kafka.bootstrap, "--topic", "no-such-topic", "--postgres", database.url)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "has no topic no-such-topic" in done.stderr
