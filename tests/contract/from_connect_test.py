"""`sluice init --from-connect`: what it makes of configurations of the three JDBC sinks, word for word, and that `check` takes all
of it. `pytest contract/from_connect_test.py --update` writes what it prints now into tests/data/connect/expected; read the difference.
"""
import difflib
import json
import pathlib
import re

import pytest

from support.sluice import run

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "connect"
FILES = sorted(path for path in DATA.iterdir() if path.suffix in (".json", ".properties"))
PAGE = DATA.parents[2] / "docs" / "from-kafka-connect.md"
SECRET = "hunter2"  # every secret of the files
NAMES = re.compile(r"\$\{(env|credential|file):([^}]*)\}")
# What this version has of `evolve` decides these; the test of it asks `check`.
OF_VERSION = re.compile(r"evolve = |# (auto\.create|auto\.evolve|schema\.evolution): ")
URL = "connection.url=jdbc:postgresql://localhost/shop\n"
HEAD = "name=s\nconnector.class=io.confluent.connect.jdbc.JdbcSinkConnector\n"
PLAIN = f"{HEAD}topics=orders\n{URL}insert.mode=upsert\npk.mode=record_key\npk.fields=id\n"


def convert(text, folder, *more, name="sink.properties"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return run("init", "--from-connect", str(path), *more)


def check(text, folder):
    """What `check` says of it, with a content for each reference."""
    content = {"postgres_url": "postgresql://localhost/shop"}
    credentials, variables = folder / "credentials", {}
    credentials.mkdir(exist_ok=True)
    for kind, name in NAMES.findall(text):
        path = credentials / name.strip("/").replace("/", "-")
        path.write_text(content.get(name, SECRET), encoding="utf-8")
        path.chmod(0o600)
        if kind == "env":
            variables[name] = SECRET
        elif kind == "file":
            text = text.replace(f"${{file:{name}}}", f"${{file:{path}}}")
    config = folder / "sluice.toml"
    config.write_text(text, encoding="utf-8")
    config.chmod(0o600)
    return run("check", "--config", str(config), CREDENTIALS_DIRECTORY=str(credentials), **variables)


def accepted(done, folder):
    """The text of a conversion that `check` takes."""
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    said = check(done.stdout, folder)
    assert said.returncode == 0, f"{said.stderr}\n{done.stdout}"
    return done.stdout


def settings_of(path):
    if path.suffix == ".properties":
        lines = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8")).splitlines()
        return [re.split(r"\s*[=:]", line, maxsplit=1)[0] for line in lines if line and line[0] != "#"]
    document = json.loads(path.read_text(encoding="utf-8"))
    return list(document.get("config", document))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_sink_becomes_the_file_that_is_written_down_and_check_takes_it(path, tmp_path, pytestconfig):
    printed = accepted(run("init", "--from-connect", str(path)), tmp_path)
    assert SECRET not in printed
    printed = "".join(line for line in printed.splitlines(keepends=True) if not OF_VERSION.match(line))
    kept = DATA / "expected" / f"{path.stem}.toml"
    if pytestconfig.getoption("--update"):
        kept.write_text(printed, encoding="utf-8")
    wanted = kept.read_text(encoding="utf-8")
    difference = "\n".join(difflib.unified_diff(wanted.splitlines(), printed.splitlines(), str(kept), "printed now", lineterm=""))
    assert printed == wanted, f"{difference}\nif that is right: pytest from_connect_test.py --update"


def test_the_page_is_what_the_tables_say_and_has_every_setting_of_the_samples():
    page = run("config", "connect").stdout
    assert page == PAGE.read_text(encoding="utf-8"), "write it again: sluice config connect > docs/from-kafka-connect.md"
    rows = re.findall(r"(?m)^\| `([^`]+)` \|", page)
    assert len(rows) == len(set(rows)), "a setting has two rows"
    unknown = [name for path in FILES for name in settings_of(path)
               if not any(row == name or (row.endswith("*") and name.startswith(row[:-1])) for row in rows)]
    assert unknown == ["my.own.setting"]


@pytest.mark.parametrize("create, evolve", [(False, False), (True, False), (False, True), (True, True)])
def test_a_sink_that_changes_tables_becomes_as_much_of_evolve_as_this_version_takes(create, evolve, tmp_path):
    text = f"{PLAIN}auto.create={create}\nauto.evolve={evolve}\n"
    printed = accepted(convert(text, tmp_path), tmp_path)
    plain = "\n".join(line for line in printed.splitlines() if not OF_VERSION.match(line))
    taken = [word for word in ("columns", "tables") if check(f'{plain}\nevolve = "{word}"\n', tmp_path).returncode == 0]
    wanted = ("tables" if create and "tables" in taken else "columns" if "columns" in taken else None) if evolve else None
    assert re.findall(r'(?m)^evolve = "(.*)"$', printed) == ([wanted] if wanted else [])
    assert ("# auto.create: " in printed) == (create and wanted != "tables")
    assert ("# auto.evolve: " in printed) == (evolve and not wanted)


def test_brokers_of_the_command_line_are_those_of_the_file(tmp_path):
    assert 'brokers = "one:9092,two:9093"' in accepted(convert(PLAIN, tmp_path, "--brokers", "one:9092,two:9093"), tmp_path)
    done = convert(PLAIN, tmp_path, "--brokers", "one:9092,:")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_json_file_may_be_bare_or_have_its_name_beside_it(tmp_path):
    config = {"connector.class": "io.aiven.connect.jdbc.JdbcSinkConnector", "topics": "orders",
              "connection.url": "jdbc:postgresql://localhost/shop", "insert.mode": "insert"}
    bare = accepted(convert(json.dumps({"name": "s", **config}), tmp_path, name="a.json"), tmp_path)
    beside = accepted(convert(json.dumps({"name": "s", "config": config}), tmp_path, name="a.json"), tmp_path)
    assert bare == beside and 'pipeline = "s"' in bare


@pytest.mark.parametrize("sink, user, mode, fields", [
    ("io.confluent.connect.jdbc", "connection.user", "pk.mode", "pk.fields"),
    ("io.aiven.connect.jdbc", "connection.user", "pk.mode", "pk.fields"),
    ("io.debezium.connector.jdbc", "connection.username", "primary.key.mode", "primary.key.fields")])
@pytest.mark.parametrize("insert", ["insert", "upsert", "update"])
@pytest.mark.parametrize("key", ["none", "kafka", "record_key", "record_value"])
@pytest.mark.parametrize("named, topics", [("", "topics=a.b,c"), ("a,b,c", "topics.regex=x[.](y|z)_.*")])
def test_check_takes_every_combination_of_mode_and_key(sink, user, mode, fields, insert, key, named, topics, tmp_path):
    text = (f"name=s\nconnector.class={sink}.JdbcSinkConnector\n{topics}\n{URL}{user}=app\nconnection.password={SECRET}\n"
            f"insert.mode={insert}\n{mode}={key}\n{fields}={named}\ndelete.enabled=true\nfuture.setting=1\n")
    printed = accepted(convert(text, tmp_path), tmp_path)
    assert SECRET not in printed
    assert printed.count("# future.setting: ") == 1


@pytest.mark.parametrize("pattern, regex, replacement, topics, table", [
    (r"s1\\.inv\\.(.*)", r"([^.]+)\\.([^.]+)\\.([^.]+)", "$3", r"^(s1)\\.(inv)\\.(.*)$", "{3}"),
    (r"s1\\.inv\\..*", r".*\\.(.*)", "$1", r"^s1\\.inv\\.(.*)$", "{1}"),
    (r"s1[.](a|b)[.]x_.*", r"s1\\.(.*)\\.(.*)", "$1.$2", r"^s1\\.(a|b)\\.(x_.*)$", "{1}.{2}")])
def test_a_router_and_a_regular_expression_of_topics_become_one(pattern, regex, replacement, topics, table, tmp_path):
    text = (f"{HEAD}{URL}topics.regex={pattern}\ntransforms=r\ntransforms.r.type=org.apache.kafka.connect.transforms.RegexRouter\n"
            f"transforms.r.regex={regex}\ntransforms.r.replacement={replacement}\n")
    printed = accepted(convert(text, tmp_path), tmp_path)
    assert f'topics = ["{topics}"]' in printed and f'table = "{table}"' in printed


def test_a_router_that_cannot_be_joined_is_named(tmp_path):
    printed = accepted(convert(f"{HEAD}{URL}topics.regex=a_.*\ntransforms=r\ntransforms.r.regex=(.).*(.)\ntransforms.r.replacement=$2$1\n"
                               "transforms.r.type=org.apache.kafka.connect.transforms.RegexRouter\n", tmp_path), tmp_path)
    assert "# transforms: RegexRouter and topics.regex could not be made one expression" in printed


@pytest.mark.parametrize("more, wanted", [
    ("topics=x.Orders\nquote.sql.identifiers=never\npk.mode=record_key\npk.fields=Id\ninsert.mode=upsert", 'columns.rename = { "Id" = "id" }'),
    ("topics=a\nfields.whitelist=a,b,c\ntransforms=r\ntransforms.r.type=org.apache.kafka.connect.transforms.ReplaceField$Value\n"
     "transforms.r.renames=c:a,d:b\ntransforms.r.exclude=x", 'columns.include = ["c", "d"]'),
    ("topics=a\ntransforms=k\ntransforms.k.type=org.apache.kafka.connect.transforms.ExtractField$Key", "# transforms.k.type: field is missing"),
    ("topics=a\nconsumer.override.client.id=a password='hunter2'", "# consumer.override.client.id: is not one word"),
    ("topics=a\nconsumer.override.sasl.jaas.config=x.Krb5LoginModule required;", "# consumer.override.sasl.jaas.config: a login of Java's")])
def test_what_settings_say_of_each_other_is_settled(more, wanted, tmp_path):
    printed = accepted(convert(f"{HEAD}{URL}{more}\n", tmp_path), tmp_path)
    assert wanted in printed and SECRET not in printed


KINDS = {"drop": "ReplaceField$Value", "insert": "InsertField$Value", "flat": "Flatten$Value", "route": "RegexRouter",
         "filter": "Filter", "time": "TimestampConverter$Value", "key": "ValueToKey"}


def chained(transforms, *more):
    """A sink whose chain is NAME(OPTION=VALUE …) for each; unwrap is Debezium's."""
    lines, names = [], []
    for at, one in enumerate(transforms):
        kind, options = one.rstrip(")").split("(", 1)
        names.append(f"t{at}")
        package = "io.debezium.transforms.ExtractNewRecordState" if kind == "unwrap" else \
            f"org.apache.kafka.connect.transforms.{KINDS[kind]}"
        lines += [f"transforms.t{at}.type={package}"] + [f"transforms.t{at}.{option}" for option in options.split()]
    return PLAIN + "\n".join([f"transforms={','.join(names)}", *lines, *more]) + "\n"


TOMBSTONES = ["predicates=p", "predicates.p.type=org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
              "delete.enabled=true"]


@pytest.mark.parametrize("text, said, unsaid", [
    # each list is about the names that the transform before has made
    (chained(["drop(renames=mail:email)", "drop(exclude=mail)"]), ['columns.rename = { "mail" = "email" }'], "exclude"),
    (chained(["drop(renames=mail:email)", "drop(exclude=email)"]), ['columns.exclude = ["mail"]'], "rename"),
    (chained(["drop(renames=a:b,b:a)"]), ['columns.rename = { "a" = "b", "b" = "a" }'], None),
    (chained(["drop(include=id,a,b)", "drop(include=b,c,id)"]), ['columns.include = ["b", "id"]'], '"c"'),
    (chained(["drop(include=id,a exclude=a)"]), ['columns.include = ["id"]'], "exclude"),
    (chained(["drop(include=a)", "drop(include=b)"]), ['columns.include = ["id"]'], '"b"'),
    # what the chain adds leaves like a field
    (chained(["insert(topic.field=_t offset.field=_o)", "drop(include=id,_t)"]),
     ['columns.include = ["id"]', 'columns.add = { "_t" = "@topic" }'], "_o\" ="),
    (chained(["insert(topic.field=_t offset.field=_o)"], "fields.whitelist=id,a,_o"),
     ['columns.include = ["id", "a"]', 'columns.add = { "_o" = "@offset" }'], "_t\" ="),
    (chained(["drop(exclude=_t)", "insert(topic.field=_t)"]), ['columns.add = { "_t" = "@topic" }'], None),
    (chained(["drop(include=id,a,b)"], "fields.whitelist=b,c"), ['columns.include = ["b"]'], '"c"'),
    (chained(["drop(renames=a:b)"], "fields.whitelist=b,a"), ['columns.include = ["a"]'], '"b",'),
    (chained(["drop(exclude=a)"], "fields.whitelist=a"), ['columns.include = ["id"]'], "exclude"),
    # before the unwrapping it is the envelope that is changed
    (chained(["drop(exclude=source)", "insert(topic.field=_t)", "unwrap()"]),
     ["# transforms.t0.type: stands before the unwrapping", "# transforms.t1.type: stands before"], "columns."),
    (chained(["filter(predicate=p)", "unwrap(delete.tombstone.handling.mode=tombstone)"], *TOMBSTONES), ['delete = "apply"'], None),
    (chained(["unwrap(delete.tombstone.handling.mode=tombstone)", "filter(predicate=p)"], *TOMBSTONES), ['delete = "ignore"'], None),
    (chained(["filter(predicate=p)", "unwrap(drop.tombstones=false)"], *TOMBSTONES), ['delete = "ignore"'], None),
    (chained(["filter(predicate=p)", "unwrap(delete.tombstone.handling.mode=rewrite-with-tombstone)"], *TOMBSTONES),
     ['delete = "soft:__deleted"'], None),
    # the mark of a rewritten delete is a column like others
    (chained(["unwrap(delete.handling.mode=rewrite)", "drop(renames=__deleted:gone)"]), ['delete = "soft:gone"'], "__deleted h"),
    (chained(["unwrap(delete.handling.mode=rewrite)", "drop(exclude=__deleted)"]),
     ['delete = "ignore"', "# transforms: the mark of rewritten deletes is left out again"], None),
    (chained(["unwrap(delete.tombstone.handling.mode=rewrite-with-tombstone)"], "delete.enabled=true"),
     ['delete = "apply"', "# transforms: the column __deleted is not filled: "], None),
    (chained(["unwrap(delete.tombstone.handling.mode=rewrite-with-tombstone)"], "delete.enabled=true").replace("record_key", "record_value"),
     ['delete = "soft:__deleted"'], None),
    (chained(["unwrap(delete.tombstone.handling.mode=tombstone)"], "delete.enabled=true").replace("record_key", "record_value"),
     ['delete = "apply"', "# delete.enabled: the sink finds no key"], None),
    (chained(["unwrap(add.fields=before.x,source.lsn,ts_ms)"]),
     ['columns.add = { "__source_lsn" = "@source.lsn" }', "has no before.x of the envelope"], None),
    # what depends on an order, and has no equivalent, is told
    (chained(["route(regex=(.*) replacement=x_$1)", "insert(topic.field=_t)"]), ["# transforms.t1.topic.field: behind a RegexRouter"], None),
    (chained(["insert(topic.field=_t)", "route(regex=(.*) replacement=x_$1)"]), ['table = "x_orders"'], "# transforms"),
    (chained(["route(regex=(.*) replacement=x_$1)"]).replace("record_key\npk.fields=id", "kafka"), ["# pk.mode: behind a RegexRouter"], None),
    (chained(["drop(renames=a:b)", "flat(delimiter=_)"]), ["# transforms.t1.type: columns.include and rename name what flatten"], None),
    (chained(["flat(delimiter=_)", "drop(exclude=a_b)"]), ['columns.exclude = ["a_b"]'], "# transforms"),
    (chained(["time(field=at target.type=Timestamp format=MM/dd/yyyy)"]), ["# transforms.t0.format: texts are read as ISO"], None),
    (chained(["time(field=a target.type=Date)", "time(field=b target.type=Date unix.precision=seconds)"]),
     ['time_unit = "ms"', "# transforms.t1.unix.precision: "], None)])
def test_a_chain_of_transforms_keeps_its_order(text, said, unsaid, tmp_path):
    printed = accepted(convert(text, tmp_path), tmp_path)
    for line in said:
        assert line in printed, printed
    assert unsaid is None or unsaid not in printed, printed


def test_fields_of_other_topics_alone_leave_nothing_but_the_key(tmp_path):
    text = ("name=s\nconnector.class=io.debezium.connector.jdbc.JdbcSinkConnector\ntopics=a,b\n" + URL +
            "insert.mode=upsert\nprimary.key.mode=record_key\nprimary.key.fields=id\nfield.include.list=a:id,a:x\n")
    printed = accepted(convert(text, tmp_path), tmp_path)
    assert re.findall(r"columns.include = (.*)", printed) == ['["id", "x"]', '["id"]']


@pytest.mark.parametrize("options, wanted", [
    ([], "apply"),
    (["delete.tombstone.handling.mode=tombstone"], "apply"),
    (["delete.tombstone.handling.mode=Drop"], "ignore"),
    (["delete.tombstone.handling.mode=rewrite"], "soft:__deleted"),
    (["delete.tombstone.handling.mode=rewrite-with-tombstone"], "apply"),
    (["delete.tombstone.handling.mode=tombstone", "drop.tombstones=true"], "apply"),
    (["drop.tombstones=true"], "ignore"),
    (["drop.tombstones=false"], "apply"),
    (["delete.handling.mode=drop"], "ignore"),
    (["delete.handling.mode=none"], "apply"),
    (["delete.handling.mode=REWRITE"], "soft:__deleted")])
def test_deletes_are_applied_unless_an_option_of_the_transform_drops_them(options, wanted, tmp_path):
    chain = "".join(f"transforms.u.{option}\n" for option in ["type=io.debezium.transforms.ExtractNewRecordState", *options])
    printed = accepted(convert(f"{PLAIN}delete.enabled=true\ntransforms=u\n{chain}", tmp_path), tmp_path)
    assert re.findall(r'(?m)^delete = "(.*)"$', printed) == [wanted]
    assert ("# Older versions drop deletes" in printed) == (options == [])


@pytest.mark.parametrize("more", ["", "delete.enabled=true\npredicates=p\n"
                                  "predicates.p.type=org.apache.kafka.connect.transforms.predicates.RecordIsTombstone\n"
                                  "transforms.f.type=org.apache.kafka.connect.transforms.Filter\ntransforms.f.predicate=p\n"])
def test_a_sink_that_never_deletes_gets_no_remark_on_versions_of_the_transform(more, tmp_path):
    chain = f"transforms={'u,f' if more else 'u'}\ntransforms.u.type=io.debezium.transforms.ExtractNewRecordState\n"
    printed = accepted(convert(PLAIN + chain + more, tmp_path), tmp_path)
    assert 'delete = "ignore"' in printed and "Older versions drop deletes" not in printed


@pytest.mark.parametrize("url, wanted", [
    ("jdbc:postgresql://db/shop?user=a%2Bb&password=hunter2", "postgresql://a%2Bb:${credential:postgres_password}@db/shop"),
    ("jdbc:postgresql:shop", "postgresql://localhost/shop"),
    ("jdbc:postgresql:///shop", "postgresql://localhost/shop"),
    ("jdbc:postgresql://[::1]:5433/shop?ssl=true", "postgresql://[::1]:5433/shop?sslmode=verify-full"),
    ("jdbc:postgresql://a:1,b:2/shop?targetServerType=primary&sslmode=require",
     "postgresql://a:1,b:2/shop?target_session_attrs=read-write&sslmode=require"),
    ("jdbc:aws-wrapper:postgresql://db:5432/shop?wrapperPlugins=failover", "postgresql://db:5432/shop")])
def test_a_url_of_jdbc_becomes_one_of_libpq(url, wanted, tmp_path):
    printed = accepted(convert(PLAIN.replace("jdbc:postgresql://localhost/shop", url), tmp_path), tmp_path)
    assert f'url = "{wanted}"\n' in printed
    assert SECRET not in printed


@pytest.mark.parametrize("text, line, said", [
    ("", 1, "is empty"),
    ("name=s\n", 1, "connector.class is missing"),
    (HEAD.replace("confluent", "other"), 2, "connector.class is none"),
    (HEAD.replace("JdbcSink", "JdbcSource"), 2, "connector.class is none"),
    (HEAD + "topics=a\n", 1, "connection.url is missing"),
    (HEAD + URL, 1, "topics is missing"),
    (HEAD + URL + "topics= ,\n", 4, "topics is empty"),
    (PLAIN + "topics.regex=b\n", 8, "are both set"),
    (PLAIN + "topics=b\n", 8, "topics is set twice, in line 3"),
    (PLAIN.replace("jdbc:postgresql://localhost/shop", f"jdbc:mysql://u:{SECRET}@h/d"), 4, "not a URL of PostgreSQL"),
    (PLAIN.replace("localhost", "local host"), 4, "a host that is not"),
    (PLAIN.replace("upsert", SECRET), 5, "insert.mode is not one of insert, multi, upsert, update"),
    (PLAIN + "\n\n# more\ndelete.enabled = \\\n  perhaps", 11, "delete.enabled is not one of true, false"),
    (PLAIN + "table.name.format=a}b", 8, "has a brace"),
    (PLAIN + "batch.size=many", 8, "batch.size is not a whole number"),
    (PLAIN + "alone\n", 8, "is not NAME=VALUE"),
    (PLAIN + r"other=\u12", 8, "four hexadecimal digits"),
    (PLAIN + "transforms=t\n", 8, "transforms.t.type is missing"),
    (HEAD + URL + "topics.regex=(?!a).*", 4, "is not a regular expression of RE2"),
    ('{"name": "s",\n"config": {\n"topics": }', 3, "is not valid JSON"),
    ('{"name": "s",\n"config": {\n"topics": ["a"]}}', 3, "topics is not a text"),
    ('{"topics": "a",\n"topics": "b"}', 1, "topics is set twice"),
    ("[1]", 1, "is not a JSON object")])
def test_a_bad_file_is_one_line_with_its_place_and_exit_2(text, line, said, tmp_path):
    done = convert(text, tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert re.match(rf"{re.escape(str(tmp_path))}/sink.properties:{line}: ", done.stderr) and said in done.stderr, done.stderr
    assert SECRET not in done.stderr


def test_a_file_that_is_not_there_is_one_line_and_exit_2(tmp_path):
    done = run("init", "--from-connect", str(tmp_path / "none"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
