"""Runs under `tools/registry python`: Confluent's real serializers, for tests whose Python has another version of the client.

Each line of stdin is a task {"url", "kind", "schema", "topic", "field", "values"}; each line of stdout is the list of the
records' bytes in base64. Values of Avro that JSON does not have are {"$": [TYPE, TEXT]}.
"""
import base64
import datetime
import decimal
import json
import sys
import uuid

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

SPECIAL = {
    "bytes": bytes.fromhex,
    "decimal": decimal.Decimal,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "datetime": datetime.datetime.fromisoformat,
    "uuid": uuid.UUID,
}


def special(pairs):
    made = dict(pairs)
    if set(made) == {"$"}:
        kind, text = made["$"]
        return SPECIAL[kind](text)
    return made


def serializer(task):
    client = SchemaRegistryClient({"url": task["url"]})
    if task["kind"] == "AVRO":
        return AvroSerializer(client, task["schema"])
    return JSONSerializer(task["schema"], client)


def main():
    for line in sys.stdin:
        task = json.loads(line, object_pairs_hook=special)
        write = serializer(task)
        context = SerializationContext(task["topic"], MessageField.KEY if task["field"] == "key" else MessageField.VALUE)
        print(json.dumps([base64.b64encode(write(value, context)).decode() for value in task["values"]]), flush=True)


if __name__ == "__main__":
    main()
