"""What PostgreSQL sees of the service: whose code runs in its sessions, what it may, what viewers and logs are told."""
import contextlib
import os
import pathlib
import re
import subprocess

import pytest

from fault.transaction_pooler import TransactionPooler
from support.pipeline import encode, route
from support.sluice import configuration, run
from support.waiting import wait_until

# Exact matches for what statements of ours could mean by a bare name. Each writes down whose rights it has.
TRAPS = """
CREATE TABLE public.trapped (who text DEFAULT current_user, how text);
GRANT ALL ON public.trapped TO PUBLIC;
CREATE FUNCTION public.caught(how text) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.trapped (how) VALUES (how) $$;
"""
FUNCTIONS = [
    ("unnest", "bigint[]", "SETOF bigint", "SELECT pg_catalog.unnest($1)"),
    ("unnest", "text[]", "SETOF text", "SELECT pg_catalog.unnest($1)"),
    ("unnest", "int[]", "SETOF int", "SELECT pg_catalog.unnest($1)"),
    ("unnest", "timestamptz[]", "SETOF timestamptz", "SELECT pg_catalog.unnest($1)"),
    ("unnest", "bytea[]", "SETOF bytea", "SELECT pg_catalog.unnest($1)"),
    ("unnest", "jsonb[]", "SETOF jsonb", "SELECT pg_catalog.unnest($1)"),
    ("to_timestamp", "numeric", "timestamptz", "SELECT pg_catalog.to_timestamp($1::float8)"),
    ("concat_ws", "text, oid, xid, text, text", "text", "SELECT 'x'"),
    ("pg_advisory_xact_lock", "int, oid", "void", "SELECT pg_catalog.pg_advisory_xact_lock($1, $2::int)"),
    ("pg_advisory_xact_lock", "bigint, text", "void", "SELECT"),
    ("quote_nullable", "varchar", "text", "SELECT 'x'"),
    ("generate_series", "int, text", "SETOF int", "SELECT 1"),
    ("cardinality", "text[]", "int", "SELECT pg_catalog.cardinality($1)"),
    ("lower", "varchar", "text", "SELECT pg_catalog.lower($1::text)"),
    ("make_interval", "double precision", "interval", "SELECT '1 day'::interval"),
]
OPERATORS = [("*", "numeric", "int", "numeric", "$1 OPERATOR(pg_catalog.*) $2"),
             ("/", "bigint", "numeric", "numeric", "$1::numeric OPERATOR(pg_catalog./) $2"),
             ("=", "text", "varchar", "boolean", "$1 OPERATOR(pg_catalog.=) $2::text"),
             ("=", "varchar", "varchar", "boolean", "$1::text OPERATOR(pg_catalog.=) $2::text"),
             ("=", "varchar", "text", "boolean", "$1::text OPERATOR(pg_catalog.=) $2"),
             ("=", "varchar", "text[]", "boolean", "true"),
             ("-", "timestamptz", "text", "timestamptz", "$1"),
             ("->>", "jsonb", "varchar", "text", "'x'"),
             ("<>", "jsonb", "text", "boolean", "true")]


def publish(kafka, topic, *events):
    kafka.publish(topic, [(key, value if value is None or isinstance(value, bytes) else encode(value)) for key, value in events])


def with_config(tmp_path, broker, url, *words, brokers=None, properties="", **env):
    """Runs the program with a configuration for this broker and this database."""
    config = tmp_path / "sluice.toml"
    config.write_text(configuration(route("nothing", "public.nothing"), brokers or broker.bootstrap, url, properties=properties),
                      encoding="utf-8")
    return run(*words, "--config", str(config), **env)


class TestSearchPath:
    @pytest.mark.alone
    def test_nobody_with_create_on_a_schema_of_the_path_runs_code_as_the_service(self, console):
        """Batches small and large, dead letters, replay, pauses, explain, pointers: while every trap is armed."""
        sql = console.sql
        sql(TRAPS)
        for name, given, returns, does in FUNCTIONS:
            body = f"SELECT public.caught('{name}'); {does}" if does != "SELECT" else f"SELECT public.caught('{name}')"
            sql(f"CREATE FUNCTION public.{name}({given}) RETURNS {returns} LANGUAGE sql AS $trap$ {body} $trap$")
        for number, (name, left, right, returns, does) in enumerate(OPERATORS):
            sql(f"CREATE FUNCTION public.trap_{number}({left}, {right}) RETURNS {returns} LANGUAGE sql "
                f"AS $trap$ SELECT public.caught('{name}'); SELECT {does} $trap$")
            sql(f"CREATE OPERATOR public.{name} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = public.trap_{number})")
        for table in ("pointer", "dead_letter", "audit", "pause"):
            sql(f"CREATE TABLE public.{table} (LIKE sluice.{table})")
        # A trap that nothing could fall into would prove nothing.
        sql("SELECT * FROM unnest(ARRAY[1]::bigint[])")
        assert sql("SELECT DISTINCT how FROM public.trapped") == [("unnest",)]
        sql("TRUNCATE public.trapped")
        console.restart()
        console.publish(range(3000))  # small batches, large ones
        console.publish(range(10), note="x" * 10)
        publish(console.kafka, console.orders, (b"1", {"id": 1, "status": None}), (b"2", None))
        console.wait_caught_up(console.orders)
        wait_until(lambda: sql("SELECT 1 FROM sluice.dead_letter"), console.live.tail)
        at, offset = sql("SELECT partition, record_offset FROM sluice.dead_letter")[0]
        console.ok("pause", console.orders, "--reason", "x", "--for", "5s", key="k_oper")
        console.ok("resume", "all", key="k_oper")
        for words in (["pointers"], ["dead", "list"], ["explain", f"{console.orders}/{at}", str(offset - 1)], ["audit"],
                      ["dead", "replay", "1", "--dry-run"]):
            console.ok(*words, key="k_adm")
        refused = console.access.run("dead", "replay", "1", key="k_oper")
        assert (refused.code, "refused again: 23502" in refused.out) == (1, True), refused
        sql("ALTER TABLE orders ALTER status DROP NOT NULL")
        console.ok("dead", "replay", "1", key="k_oper")
        assert sql("SELECT status FROM orders WHERE id = 1") == [(None,)]
        assert sql("SELECT DISTINCT who, how FROM public.trapped") == []
        assert sql("SELECT count(*) FROM public.pointer, public.dead_letter") == [(0,)]

    def test_a_key_of_an_extensions_type_is_compared_by_that_types_operator(self, broker, database, services):
        database.sql("CREATE EXTENSION citext SCHEMA public")
        database.sql("CREATE TABLE users (name citext PRIMARY KEY, n int)")
        database.sql("CREATE TABLE pairs (name citext, part int, n int, PRIMARY KEY (name, part))")
        users, pairs = broker.create_topic(f"{database.name}.users"), broker.create_topic(f"{database.name}.pairs")
        service = services(route(users, "users", "name") + route(pairs, "pairs", ["name", "part"]))
        publish(broker, users, (b"Ann", {"name": "Ann", "n": 1}), (b"Bob", {"name": "Bob", "n": 1}))
        publish(broker, pairs, (b"a", {"name": "Ann", "part": 1, "n": 1}), (b"b", {"name": "Bob", "part": 1, "n": 1}))
        service.start()
        wait_until(lambda: database.sql("SELECT count(*) FROM users, pairs") == [(4,)], service.tail)
        publish(broker, users, (b"ANN", None))
        publish(broker, pairs, (b'{"name":"ANN","part":1}', None))
        wait_until(lambda: (database.sql("SELECT name FROM users"), database.sql("SELECT name FROM pairs")) == ([("Bob",)], [("Bob",)]),
                   lambda: f"{database.sql('SELECT * FROM users')} {database.sql('SELECT * FROM pairs')} "
                   f"{database.sql('SELECT * FROM sluice.dead_letter')}\n{service.tail()}")
        assert service.stop() == 0


@pytest.fixture(scope="class")
def protected(tmp_path_factory):
    """A cluster that wants TLS, with a certificate of a CA of its own for the name db.test."""
    from support.postgres import Postgres
    folder = tmp_path_factory.mktemp("ca")
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test CA", "-keyout", "ca.key",
            "-out", "ca.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db.test", "-keyout", "server.key", "-out", "server.csr")
    (folder / "san").write_text("subjectAltName=DNS:db.test\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "san", "-out", "server.crt")
    postgres = Postgres()
    try:
        for name in ("server.key", "server.crt"):
            target = pathlib.Path(postgres.data) / name
            target.write_bytes((folder / name).read_bytes())
            owner = os.stat(postgres.data)
            os.chown(target, owner.st_uid, owner.st_gid)
            target.chmod(0o600)
        with open(pathlib.Path(postgres.data) / "postgresql.conf", "a", encoding="ascii") as file:
            file.write("ssl = on\n")
        postgres.restart()
        yield postgres, folder
    finally:
        postgres.remove()


class TestTls:
    """The address is loopback; the name is what decides, as behind a tunnel."""

    def check(self, protected, broker, tmp_path, url, brokers=None, properties="", **env):
        postgres, folder = protected
        url = url.format(port=postgres.port, ca=folder / "ca.crt")
        return with_config(tmp_path, broker, url, "check", "--connect", brokers=brokers, properties=properties, HOME=str(tmp_path), **env)

    def test_a_server_elsewhere_must_show_a_certificate_that_verifies(self, protected, broker, tmp_path):
        plain = "postgresql://app@db.test:{port}/postgres?hostaddr=127.0.0.1"
        refused = self.check(protected, broker, tmp_path, plain)
        assert refused.returncode == 1
        assert re.search(r"postgres: .*root certificate.*sslrootcert", refused.stderr)
        done = self.check(protected, broker, tmp_path, plain + "&sslrootcert={ca}")
        assert re.search(r"postgres db\.test:\d+  encrypted: yes, verified: yes", done.stdout), done
        other = self.check(protected, broker, tmp_path, plain.replace("db.test", "else.test") + "&sslrootcert={ca}")
        assert re.search(r'"db\.test".*does not match host name "else\.test"', other.stderr), other

    def test_a_pair_form_several_hosts_the_environment_and_a_service_file_are_all_read(self, protected, broker, tmp_path):
        pairs = "host=nobody.test,db.test hostaddr=127.0.0.1,127.0.0.1 port=1,{port} user=app dbname=postgres"
        assert "root certificate" in self.check(protected, broker, tmp_path, pairs).stderr
        done = self.check(protected, broker, tmp_path, pairs + " sslrootcert={ca}")
        assert "encrypted: yes, verified: yes" in done.stdout, done
        port, ca = protected[0].port, str(protected[1] / "ca.crt")
        environment_only = self.check(protected, broker, tmp_path, "user=app dbname=postgres", PGHOST="db.test",
                                      PGHOSTADDR="127.0.0.1", PGPORT=str(port))
        assert "root certificate" in environment_only.stderr, environment_only
        done = self.check(protected, broker, tmp_path, "user=app dbname=postgres", PGHOST="db.test", PGHOSTADDR="127.0.0.1",
                          PGPORT=str(port), PGSSLROOTCERT=ca)
        assert "verified: yes" in done.stdout, done
        (tmp_path / ".pg_service.conf").write_text(f"[shop]\nhost=db.test\nhostaddr=127.0.0.1\nport={port}\n")
        service = self.check(protected, broker, tmp_path, "postgresql://app@/postgres?service=shop")
        assert "root certificate" in service.stderr, service

    def test_whoever_names_an_sslmode_has_it_and_is_told(self, protected, broker, tmp_path):
        plain = "postgresql://app@db.test:{port}/postgres?hostaddr=127.0.0.1"
        done = self.check(protected, broker, tmp_path, plain + "&sslmode=disable")
        assert re.search(r"postgres db\.test:\d+  encrypted: no", done.stdout), done
        assert re.search(r"warning: postgres .*verify-full", done.stderr)
        done = self.check(protected, broker, tmp_path, plain, PGSSLMODE="require")
        assert "encrypted: yes, verified: no" in done.stdout, done
        local = self.check(protected, broker, tmp_path, "postgresql://app@127.0.0.1:{port}/postgres?sslmode=disable")
        assert "encrypted: no (local)" in local.stdout and "verify-full" not in local.stderr, local

    def test_a_way_to_kafka_without_protection_is_told(self, protected, broker, tmp_path):
        url = "postgresql://app@127.0.0.1:{port}/postgres"
        open_way = self.check(protected, broker, tmp_path, url, brokers="kafka.test:9092")
        assert re.search(r"warning: kafka kafka\.test:9092: security.protocol is plaintext", open_way.stderr), open_way
        unverified = self.check(protected, broker, tmp_path, url, brokers="kafka.test:9092",
                                properties='"security.protocol" = "ssl"\n"enable.ssl.certificate.verification" = false')
        assert "kafka kafka.test:9092  encrypted: yes, verified: no" in unverified.stdout, unverified
        assert "enable.ssl.certificate.verification is false" in unverified.stderr


class TestPooler:
    def test_a_pooler_that_shares_sessions_is_refused_in_one_line(self, broker, database, tmp_path):
        pooler = TransactionPooler(database.postgres.port)
        with contextlib.closing(pooler):
            url = f"postgresql://app@127.0.0.1:{pooler.port}/{database.name}?sslmode=disable&gssencmode=disable"
            done = with_config(tmp_path, broker, url, "run")
        assert done.returncode == 2
        assert re.search(r"error .*is a pooler in transaction mode.*session mode", done.stderr), done.stderr

    def test_a_pooler_that_keeps_sessions_will_do(self, broker, database, tmp_path):
        database.sql("CREATE TABLE nothing (id int PRIMARY KEY)")
        pooler = TransactionPooler(database.postgres.port, whole=True)
        with contextlib.closing(pooler):
            url = f"postgresql://app@127.0.0.1:{pooler.port}/{database.name}?sslmode=disable&gssencmode=disable"
            done = with_config(tmp_path, broker, url, "check", "--connect")
        assert "pooler" not in done.stderr, done.stderr
        assert "schema sluice" in done.stdout


class TestSecrets:
    """A password of every sort that people have, by reference: it logs in, and no piece of it is ever told."""
    PASSWORD = "S3cretHead@S3cretTail:/%41?#[ ]&='\"\\ü"

    def test_a_password_of_any_characters_logs_in_and_is_never_told(self, broker, database, tmp_path):
        role = f"r_{database.name}"
        literal = self.PASSWORD.replace("'", "''")
        database.sql(f"SET password_encryption = 'scram-sha-256'; CREATE ROLE {role} LOGIN PASSWORD '{literal}'")
        secret = tmp_path / "secret"
        secret.write_text(self.PASSWORD + "\n", encoding="utf-8")
        hba = pathlib.Path(database.postgres.data) / "pg_hba.conf"
        before = hba.read_text()
        hba.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n" + before)
        port = database.postgres.port
        try:
            database.sql("SELECT pg_reload_conf()")
            for url in (f"postgresql://{role}:${{file:{secret}}}@127.0.0.1:{port}/{database.name}",
                        f"postgresql://{role}@127.0.0.1:{port}/{database.name}?password=${{env:PW}}",
                        f"host=127.0.0.1 port={port} user={role} dbname={database.name} password=${{file:{secret}}}",
                        f"host=127.0.0.1 port={port} user={role} dbname={database.name} password='${{env:PW}}'"):
                for wrong in (False, True):
                    if wrong:
                        url = url.replace(str(port), "1")
                    done = with_config(tmp_path, broker, url, "check", "--connect", PW=self.PASSWORD)
                    told = done.stdout + done.stderr
                    assert ("postgres 127.0.0.1" in told) != wrong, told
                    assert "S3cret" not in told
        finally:
            hba.write_text(before)
            database.sql(f"SELECT pg_reload_conf(); DROP ROLE {role}")
