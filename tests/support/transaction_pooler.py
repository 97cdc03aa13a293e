"""A pooler in transaction mode, as small as its idea: a client gets a server connection for one transaction, then it goes
back. Loopback only, without authentication.
"""
import socket
import struct
import threading


def read_exactly(source, size):
    data = b""
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def read_message(source):
    kind, size = struct.unpack("!cI", read_exactly(source, 5))
    return kind, read_exactly(source, size - 4)


def message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


class TransactionPooler:
    """`whole`: a client keeps its server connection, as in session mode."""

    def __init__(self, port, whole=False):
        self.server_port, self.whole = port, whole
        self.idle, self.lock, self.open = [], threading.Lock(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()
        for one in self.open:
            one.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _take(self, startup):
        with self.lock:
            if self.idle and not self.whole:
                return self.idle.pop()
        server = socket.create_connection(("127.0.0.1", self.server_port))
        self.open.append(server)
        server.sendall(startup)
        while read_message(server)[0] != b"Z":
            pass
        return server

    def _serve(self, client):
        server = None
        try:
            size = struct.unpack("!I", read_exactly(client, 4))[0]
            body = read_exactly(client, size - 4)
            while body[:4] in (struct.pack("!I", 80877103), struct.pack("!I", 80877104)):  # TLS, GSS: no
                client.sendall(b"N")
                size = struct.unpack("!I", read_exactly(client, 4))[0]
                body = read_exactly(client, size - 4)
            startup = struct.pack("!I", size) + body
            client.sendall(message(b"R", struct.pack("!I", 0))
                           + message(b"S", b"server_version\x0015.0\0") + message(b"S", b"client_encoding\0UTF8\0")
                           + message(b"S", b"standard_conforming_strings\0on\0")
                           + message(b"K", struct.pack("!II", 4711, 1)) + message(b"Z", b"I"))
            while True:
                kind, body = read_message(client)
                if kind == b"X":
                    return
                if server is None:
                    server = self._take(startup)
                server.sendall(message(kind, body))
                while kind in (b"Q", b"S"):
                    answer, body = read_message(server)
                    client.sendall(message(answer, body))
                    if answer == b"Z":
                        if body == b"I" and not self.whole:
                            with self.lock:
                                self.idle.append(server)
                            server = None
                        break
        except (ConnectionError, OSError):
            pass
        finally:
            client.close()
            if server is not None:
                server.close()
