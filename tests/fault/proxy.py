"""A TCP proxy between the service and PostgreSQL that does harm on demand, and counts it.

It knows where PostgreSQL's messages begin and end, both ways, so that it can lose exactly the answer to COMMIT, or cut a
connection in the middle of COMMIT itself. With framed=False it passes bytes of any protocol (a broker's, say); then only
cuts, stalls and refusals are possible. Every rule may be set from any thread while traffic flows; a rule that waits for its
moment has an event `fired`. No TLS: url() switches it off.
"""
import collections
import contextlib
import random
import socket
import struct
import threading
import time
import urllib.parse

CHUNK = 1 << 16
TO_SERVER, TO_CLIENT = "to_server", "to_client"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
# As the client asks for them: the Parse of an unnamed statement without parameters, behind its length.
BEGIN_ASKED, COMMIT_ASKED = b"\0BEGIN\0\0\0", b"\0COMMIT\0\0\0"
IDLE = b"I"  # ReadyForQuery: no transaction is open


class Rule:
    """Waits for the nth moment of its kind, and fires once. kind: swallow | cut | cut_in_commit."""

    def __init__(self, kind, nth=1, **details):
        self.kind, self.left, self.details = kind, nth, details
        self.fired = threading.Event()


class Link:
    """Connections that end together: a client's, and the one to the server that belongs to it."""

    def __init__(self, *ends):
        self.ends, self.in_transaction = ends, False

    def close(self, reset):
        """With a reset both sides lose what is on the way, as when a machine falls over; otherwise an orderly end."""
        for one in self.ends:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads or writes; close alone would not
                if reset:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    one.close()


class Frames:
    """Cuts one direction's bytes into messages: type (empty for the start-up packet) and the whole message."""

    def __init__(self, direction):
        self.rest = bytearray()
        self.untyped = direction == TO_SERVER  # the client's first message has no type byte

    def take(self, data):
        self.rest += data
        at, found = 0, []
        while True:
            head = 0 if self.untyped else 1
            if len(self.rest) - at < head + 4:
                break
            end = at + head + int.from_bytes(self.rest[at + head:at + head + 4], "big")
            if len(self.rest) < end:
                break
            found.append((bytes(self.rest[at:at + head]), bytes(self.rest[at:end])))
            self.untyped = False
            at = end
        del self.rest[:at]
        return found


class Proxy:
    def __init__(self, port, host="127.0.0.1", framed=True, seed=0):
        self.target, self.framed = (host, port), framed
        self.chance = random.Random(seed)
        self.counts = collections.Counter()
        self.links, self.rules = set(), []
        self.lock = threading.Lock()
        self.open_gate = threading.Event()
        self.open_gate.set()
        self.refusing_until = 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, url):
        """The same database, through the proxy."""
        parts = urllib.parse.urlsplit(url)
        return parts._replace(netloc=f"{parts.username}@127.0.0.1:{self.port}",
                              query="sslmode=disable&gssencmode=disable").geturl()

    # --- what can be asked for

    def swallow_commit(self, nth=1, hold=0.5):
        """The nth answer to COMMIT from now on is lost, with all that follows; the connection is cut `hold` s later."""
        return self._arm(Rule("swallow", nth, hold=hold))

    def cut_in_commit(self, nth=1, keep=None):
        """Of the nth COMMIT from now on only `keep` bytes reach the server (default: any number), then a cut."""
        return self._arm(Rule("cut_in_commit", nth, keep=keep))

    def cut(self, direction=None, after=None):
        """A cut at one byte, `after` that many more in the direction (default: any within the next 100 kB)."""
        direction = direction or self.chance.choice((TO_SERVER, TO_CLIENT))
        limit = 100_000 if direction == TO_SERVER else 2_000  # answers are short
        return self._arm(Rule("cut", self.chance.randrange(1, limit) if after is None else after, direction=direction))

    def cut_all(self, reset=True):
        with self.lock:
            links = list(self.links)
        for link in links:
            self._count("cut", link.in_transaction)
            link.close(reset)
        return len(links)

    def stall(self, seconds):
        """Nothing passes in either direction for a while; nobody is told."""
        self._count("stall", self.open_transactions())
        self.open_gate.clear()
        timer = threading.Timer(seconds, self.open_gate.set)
        timer.daemon = True
        timer.start()

    def refuse(self, seconds):
        """Cuts what is there, and whoever connects is turned away for a while."""
        self.refusing_until = time.monotonic() + seconds
        self._count("refuse", 0)
        return self.cut_all()

    def forget(self):
        """No rule is left, the gate is open."""
        with self.lock:
            self.rules.clear()
        self.refusing_until = 0.0
        self.open_gate.set()

    def open_transactions(self):
        with self.lock:
            return sum(link.in_transaction for link in self.links)

    def close(self):
        self.forget()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            links = list(self.links)
        for link in links:
            link.close(True)

    # --- the machinery

    def _arm(self, rule):
        with self.lock:
            self.rules.append(rule)
        return rule

    def _due(self, kind, amount=1, **match):
        """The rule of this kind whose moment has come, which is taken out. For bytes: `left` says how many may pass."""
        with self.lock:
            for rule in self.rules:
                if rule.kind != kind or any(rule.details.get(key) != value for key, value in match.items()):
                    continue
                if rule.left > amount:
                    rule.left -= amount
                    return None
                self.rules.remove(rule)
                return rule
        return None

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if time.monotonic() < self.refusing_until:
                self.counts["refused"] += 1
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                client.close()
                continue
            threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _link(self, *ends):
        """From now on cut_all() and close() end these, which wakes who reads from them."""
        link = Link(*ends)
        with self.lock:
            self.links.add(link)
        return link

    def _unlink(self, link):
        with self.lock:
            self.links.discard(link)
        for one in link.ends:
            one.close()

    def _join(self, client):
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = self._link(client, server)
        self.counts["connections"] += 1
        pumps = [threading.Thread(target=self._pump, args=(link, client, server, TO_SERVER), daemon=True),
                 threading.Thread(target=self._pump, args=(link, server, client, TO_CLIENT), daemon=True)]
        for pump in pumps:
            pump.start()
        for pump in pumps:
            pump.join()
        self._unlink(link)

    def _pump(self, link, source, sink, direction):
        frames = Frames(direction) if self.framed else None
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                self.open_gate.wait()
                messages = frames.take(data) if frames else [(b"", data)]
                if not self._pass(link, sink, direction, messages):
                    return
        # One side has ended in order: the other is told, and may still send what it has to say.
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _pass(self, link, sink, direction, messages):
        """Forwards the messages, or does what a rule says; False when the connection is over."""
        out = bytearray()
        for index, (kind, message) in enumerate(messages):
            rule = self._moment(link, direction, kind, message[5:])
            if rule and rule.kind == "swallow":
                sink.sendall(out)
                time.sleep(rule.details["hold"])
                return self._end(link, rule)
            if rule:
                rest, keep = b"".join(whole for _, whole in messages[index:]), rule.details["keep"]
                sink.sendall(out + rest[:self.chance.randrange(len(rest)) if keep is None else keep])
                return self._end(link, rule, reset=False)
            out += message
        rule = self._due("cut", len(out), direction=direction)
        sink.sendall(out[:rule.left] if rule else out)
        return self._end(link, rule, self.chance.random() < 0.5) if rule else True

    def _moment(self, link, direction, kind, body):
        """Notes begin and end of a transaction; the rule that waited for this message, if one did."""
        if direction == TO_SERVER and kind == b"P":
            link.in_transaction = link.in_transaction or body == BEGIN_ASKED
            return self._due("cut_in_commit") if body == COMMIT_ASKED else None
        if direction == TO_CLIENT and kind == b"Z" and body == IDLE:
            link.in_transaction = False
        return self._due("swallow") if direction == TO_CLIENT and (kind, body) == (b"C", b"COMMIT\0") else None

    def _end(self, link, rule, reset=True):
        self._count(rule.kind, link.in_transaction)
        link.close(reset)
        rule.fired.set()
        return False

    def _count(self, what, in_transaction):
        with self.lock:
            self.counts[what] += 1
            self.counts["in_transaction"] += in_transaction
