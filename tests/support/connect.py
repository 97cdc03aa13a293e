"""A Kafka Connect worker with Debezium's connectors, started by tools/connect."""
import json

from support.server import Server


class Connect(Server):
    """connectors: {name: settings}"""

    tool = "connect"

    def __init__(self, brokers, connectors, *more):
        super().__init__()
        files = {self.dir / f"{name}.json": {"name": name, "config": settings} for name, settings in connectors.items()}
        for path, content in files.items():
            path.write_text(json.dumps(content), encoding="utf-8")
        self.begin("--brokers", brokers, "--connector", *map(str, files), *more)


def avro(registry):
    """The settings with which a connector writes Avro in Confluent's frames; registry is a support.registry.Registry."""
    converter = {
        "": "io.apicurio.registry.utils.converter.AvroConverter",
        ".apicurio.registry.url": registry.own_api,
        ".apicurio.registry.auto-register": "true",
        ".apicurio.registry.find-latest": "true",
        ".apicurio.registry.as-confluent": "true",
        ".apicurio.registry.use-id": "contentId",  # the number that Confluent's API of this registry means
        ".apicurio.registry.headers.enabled": "false",
    }
    return {f"{side}.converter{name}": value for side in ("key", "value") for name, value in converter.items()}


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
