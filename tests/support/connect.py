"""A Kafka Connect worker with Debezium's PostgreSQL source connector, started by tools/connect."""
import json
import pathlib
import shutil
import subprocess
import tempfile

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "connect"


class Connect:
    """connectors: {name: settings}"""

    def __init__(self, brokers, connectors):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sluice-connect-"))
        files = []
        for name, settings in connectors.items():
            files.append(str(self.dir / f"{name}.json"))
            pathlib.Path(files[-1]).write_text(json.dumps({"name": name, "config": settings}), encoding="utf-8")
        try:
            self._tool("start", "--brokers", brokers, "--connector", *files)
        except BaseException:
            self.remove()
            raise

    def _tool(self, command, *arguments):
        done = subprocess.run([str(TOOL), command, "--dir", str(self.dir), *arguments], stdout=subprocess.PIPE, text=True,
                              timeout=700)
        if done.returncode:
            raise RuntimeError(f"tools/connect {command} failed:\n{self.log()[-3000:]}")

    def log(self):
        path = self.dir / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def remove(self):
        self._tool("kill", "--remove")
        shutil.rmtree(self.dir, ignore_errors=True)


def postgres_source(port, database, prefix, tables, **settings):
    """The settings of a connector that reads these tables of a cluster with wal_level = logical; names with _ for the dot."""
    slot = prefix.replace(".", "_")
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "plugin.name": "pgoutput",
        "database.hostname": "127.0.0.1",
        "database.port": str(port),
        "database.user": "app",
        "database.password": "",
        "database.dbname": database,
        "topic.prefix": prefix,
        "table.include.list": ",".join(tables),
        "slot.name": slot,
        "publication.name": slot,
        "publication.autocreate.mode": "filtered",
        "skipped.operations": "none",
        "interval.handling.mode": "string",
        "include.schema.changes": "false",
        "poll.interval.ms": "20",
        "topic.creation.default.replication.factor": "1",
        "topic.creation.default.partitions": "1",
        **{name.replace("_", "."): value for name, value in settings.items()},
    }
