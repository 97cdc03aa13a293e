"""Schema registries for tests: a real one with real serializers, and one of our own whose trouble is made on purpose."""
import base64
import contextlib
import http.server
import json
import pathlib
import subprocess
import threading
import time
import urllib.request

from support.server import TOOLS, Server

TOOL = TOOLS / "registry"
SERIALIZER = pathlib.Path(__file__).resolve().parent / "serializer.py"


class Registry(Server):
    """Apicurio, started by tools/registry; url is Confluent's API in it, own_api its own. With `keep` it has its schemas still
    after a restart."""

    tool, seconds = "registry", 1300

    def __init__(self, keep=False):
        super().__init__()
        self.serializers = None
        self.url = self.begin(*["--keep"] * keep)
        self.own_api = self.url.replace("/apis/ccompat/v7", "/apis/registry/v2")

    def serialize(self, topic, kind, schema, values, field="value"):
        """Bytes of records as Confluent's serializer writes them, which registers the schema."""
        if self.serializers is None:
            self.serializers = subprocess.Popen([str(TOOL), "python", str(SERIALIZER)], stdin=subprocess.PIPE,
                                                stdout=subprocess.PIPE, text=True)
        task = {"url": self.url, "kind": kind, "schema": json.dumps(schema), "topic": topic, "field": field,
                "values": values}
        self.serializers.stdin.write(json.dumps(task) + "\n")
        self.serializers.stdin.flush()
        line = self.serializers.stdout.readline()
        if not line:
            raise RuntimeError(f"{SERIALIZER.name} ended with {self.serializers.wait(60)}; its error is on stderr")
        return [base64.b64decode(text) for text in json.loads(line)]

    def register(self, subject, kind, schema, references=()):
        """The number of a schema. References are (name, subject) of what was registered before."""
        body = {"schemaType": kind, "schema": schema, "references": [
            {"name": name, "subject": of, "version": 1} for name, of in references]}
        request = urllib.request.Request(f"{self.url}/subjects/{subject}/versions", json.dumps(body).encode(),
                                         {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["id"]

    def remove(self):
        if self.serializers is not None:
            with contextlib.suppress(OSError):  # it may have ended before
                self.serializers.stdin.close()
            self.serializers.wait(60)
        super().remove()


class StubRegistry:
    """Knows the schemas in `schemas` ({id: what the API answers}). `mode` says how it answers: ok, slow, rubbish, a status,
    endless, cut (it dies in the middle of its answer), or away, when nobody listens. The port stays the same."""

    def __init__(self, schemas=None):
        self.schemas, self.mode, self.asked, self.authorization = schemas or {}, "ok", [], []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                stub.answer(self)

            def log_message(self, *_):
                pass

        self._handler = Handler
        self.server = None
        self.port = 0
        self.come()
        self.url = f"http://127.0.0.1:{self.port}"

    def come(self):
        if self.server is None:
            http.server.ThreadingHTTPServer.allow_reuse_address = True
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
            self.server.daemon_threads = True
            self.port = self.server.server_port
            threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def leave(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def become(self, mode):
        self.mode = mode
        if mode == "away":
            self.leave()
        else:
            self.come()

    def answer(self, request):
        self.asked.append(request.path)
        self.authorization.append(request.headers.get("Authorization"))
        if self.mode == "slow":
            time.sleep(3)
        status, body = 200, None
        if isinstance(self.mode, int):
            status, body = self.mode, {"error_code": self.mode, "message": "made by the test"}
        else:
            body = self.schemas.get(request.path.removeprefix("/schemas/ids/"))
            if body is None:
                status, body = 404, {"error_code": 40403, "message": "Schema not found"}
        text = b"<html>hello</html>" if self.mode == "rubbish" else json.dumps(body).encode()
        with contextlib.suppress(OSError):
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            if self.mode == "endless":
                request.end_headers()
                while self.mode == "endless":  # until the client has had enough
                    request.wfile.write(text * 100)
                return
            request.send_header("Content-Length", str(len(text) + (self.mode == "cut")))
            request.end_headers()
            request.wfile.write(text)

    def remove(self):
        self.leave()


def number(value):
    """Avro's int and long."""
    bits = (value << 1) ^ (value >> 63)
    written = bytearray()
    while bits > 0x7F:
        written.append(bits & 0x7F | 0x80)
        bits >>= 7
    written.append(bits)
    return bytes(written)


def text(characters):
    written = characters.encode()
    return number(len(written)) + written


def random_avro(seed, schemas, values):
    """What avro_pairs.py prints for each schema, in order."""
    done = subprocess.run([str(TOOL), "python", str(SERIALIZER.with_name("avro_pairs.py")), str(seed), str(schemas), str(values)],
                          stdout=subprocess.PIPE, text=True, check=True, timeout=900)
    return map(json.loads, done.stdout.splitlines())


def frame(schema, datum):
    return b"\0" + schema.to_bytes(4, "big") + datum
