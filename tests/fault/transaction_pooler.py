"""A pooler in transaction mode, as small as its idea: a client gets a server connection for one transaction, then it goes
back. Without authentication.
"""
import socket
import struct

from fault.proxy import Proxy


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


class TransactionPooler(Proxy):
    """`whole`: a client keeps its server connection, as in session mode."""

    def __init__(self, port, whole=False):
        self.whole, self.idle = whole, []
        super().__init__(port)

    def _join(self, client):
        used = [self._link(client)]  # and the server connection that it has at the moment
        try:
            self._serve(client, used)
        except OSError:
            pass
        finally:
            for link in used:
                self._unlink(link)

    def _take(self, startup):
        with self.lock:
            if self.idle and not self.whole:
                return self.idle.pop()
        server = socket.create_connection(self.target)
        link = self._link(server)
        server.sendall(startup)
        while read_message(server)[0] != b"Z":
            pass
        return link

    def _serve(self, client, used):
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
        while (asked := read_message(client))[0] != b"X":
            if len(used) == 1:
                used.append(self._take(startup))
            server, = used[1].ends
            server.sendall(message(*asked))
            if asked[0] in (b"Q", b"S") and self._answer(server, client) == b"I" and not self.whole:
                with self.lock:
                    self.idle.append(used.pop())

    @staticmethod
    def _answer(server, client):
        """Passes on what the server says; returns the state of the transaction."""
        while True:
            kind, body = read_message(server)
            client.sendall(message(kind, body))
            if kind == b"Z":
                return body
