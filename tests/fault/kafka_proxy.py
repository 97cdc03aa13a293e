"""A TCP proxy between the service and a broker that damages what the broker sends: bytes within a batch of records.
It can also keep members out of their groups, as a coordinator does that never finishes loading them.

The broker's answers name its own address; the proxy puts its own in that place, so that every connection comes this way.
It reads answers to Fetch up to version 11, and has the broker say that there is none later: newer clients ask for more.
"""
import collections
import struct
import threading

from fault.proxy import TO_SERVER, Proxy

FETCH, FETCH_AT_MOST = 1, 11
API_VERSIONS, UNSUPPORTED_VERSION = 18, 35
JOIN_GROUP, HEARTBEAT = 11, 12
LOADING, UNKNOWN_MEMBER = 14, 25
# Where a byte lies within a batch of records (version 2).
MAGIC, RECORDS = 16, 61
DAMAGE = {
    "magic": (MAGIC, 0x40),
    "crc": (RECORDS + 2, 0xff),  # a byte of the first record: only the checksum tells
    "codec": (22, 0x07),         # attributes, which the checksum covers, too
    "length": (8, 0x01),         # of the whole batch, which nothing covers
    "offset": (5, 0x10),         # of the first record, a million more, which nothing covers either
}


class Reader:
    def __init__(self, data, at):
        self.data, self.at = data, at

    def take(self, form):
        found = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return found[0]

    def varint(self):
        found, shift = 0, 0
        while True:
            byte = self.take("B")
            found |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return found

    def text(self):
        size = self.take("h")
        self.at += size
        return self.data[self.at - size:self.at].decode()


def fetched_batches(answer, version):
    """(topic, partition, base offset, where it begins in the answer) of every batch that is there as a whole."""
    if version > FETCH_AT_MOST:
        raise ValueError(f"version {version} of Fetch is not one that the proxy can read")
    reader, found = Reader(answer, 8), []
    reader.take("i")
    if version >= 7:
        reader.take("hi")
    for _ in range(reader.take("i")):
        topic = reader.text()
        for _ in range(reader.take("i")):
            partition = reader.take("i")
            reader.take("hqq")
            if version >= 5:
                reader.take("q")
            for _ in range(max(0, reader.take("i"))):
                reader.take("qq")
            if version >= 11:
                reader.take("i")
            end = reader.take("i")
            end = reader.at + max(0, end)
            while reader.at + RECORDS <= end:
                begin = reader.at
                base, length = struct.unpack_from(">qi", answer, begin)
                if begin + 12 + length > end:
                    break
                found.append((topic, partition, base, begin))
                reader.at = begin + 12 + length
            reader.at = end
    return found


def limit_fetch(answer, version):
    """In an answer to ApiVersions, which says what a broker understands, lowers the latest version of Fetch."""
    error, = struct.unpack_from(">h", answer, 8)
    flexible = version >= 3 and error != UNSUPPORTED_VERSION  # which is answered in version 0
    reader = Reader(answer, 10)
    for _ in range(reader.varint() - 1 if flexible else reader.take("i")):
        key, _, latest = reader.take("h"), reader.take("h"), reader.take("h")
        if key == FETCH:
            struct.pack_into(">h", answer, reader.at - 2, min(latest, FETCH_AT_MOST))
        for _ in range(reader.varint() if flexible else 0):  # tagged fields
            reader.varint()
            size = reader.varint()
            reader.at += size


class KafkaProxy(Proxy):
    def __init__(self, bootstrap):
        host, port = bootstrap.rsplit(":", 1)
        self.theirs = host.encode() + struct.pack(">i", int(port))
        self.harms, self.damaged = [], 0
        self.groups_closed, self.kept_out = False, 0
        self.harm_lock = threading.Lock()
        self.asked = collections.defaultdict(dict)  # by connection: correlation id → what was asked, in which version
        self.rest = collections.defaultdict(bytearray)
        super().__init__(int(port), host=host, framed=False)
        self.bootstrap = f"{host}:{self.port}"
        self.ours = host.encode() + struct.pack(">i", self.port)

    def damage(self, topic, partition, how, which, times):
        """which: the position of a batch among those of the partition in one answer, 0 for the first, or the base offset of a
        batch as ("base", offset). times: how often; None for always."""
        self._plan((topic, partition), how, which, times)

    def damage_any(self, how, times):
        """The first batch of a partition in an answer, whichever partition that is."""
        self._plan(None, how, 0, times)

    def _plan(self, at, how, which, times):
        with self.harm_lock:
            self.harms.append({"at": at, "how": how, "which": which, "left": times})

    def close_groups(self):
        """Members are told that they are none, and that the coordinator is loading when they join; until mend()."""
        self.groups_closed = True

    def mend(self):
        self.groups_closed = False
        with self.harm_lock:
            self.harms.clear()

    def _pass(self, link, sink, direction, messages):
        rest = self.rest[link, direction]
        rest += messages[0][1]
        out = bytearray()
        while len(rest) >= 4 and len(rest) >= 4 + int.from_bytes(rest[:4], "big"):
            size = 4 + int.from_bytes(rest[:4], "big")
            frame = bytearray(rest[:size])
            del rest[:size]
            if direction == TO_SERVER:
                key, version, number = struct.unpack_from(">hhi", frame, 4)
                if key in (FETCH, API_VERSIONS, JOIN_GROUP, HEARTBEAT):
                    self.asked[link][number] = (key, version)
            else:
                key, version = self.asked[link].pop(int.from_bytes(frame[4:8], "big"), (None, None))
                if key == FETCH:
                    self._harm(frame, version)
                elif key == API_VERSIONS:
                    limit_fetch(frame, version)
                elif key in (JOIN_GROUP, HEARTBEAT) and self.groups_closed:
                    self._keep_out(frame, key, version)
                else:
                    frame = frame.replace(self.theirs, self.ours)
            out += frame
        sink.sendall(out)
        return True

    def _keep_out(self, frame, key, version):
        """The error follows the correlation id, and the throttle time where the version has one; these versions are not flexible."""
        if version > {JOIN_GROUP: 5, HEARTBEAT: 3}[key]:
            raise ValueError(f"version {version} of request {key} is not one that the proxy can read")
        throttled = version >= {JOIN_GROUP: 2, HEARTBEAT: 1}[key]
        struct.pack_into(">h", frame, 12 if throttled else 8, LOADING if key == JOIN_GROUP else UNKNOWN_MEMBER)
        self.kept_out += 1

    def _harm(self, frame, version):
        with self.harm_lock:
            if not self.harms:
                return
            batches = fetched_batches(frame, version)
            for harm in self.harms:
                own = [(base, begin) for topic, partition, base, begin in batches if harm["at"] in (None, (topic, partition))]
                which = harm["which"]
                chosen = [begin for n, (base, begin) in enumerate(own) if which in (n, ("base", base))]
                if not chosen or harm["left"] == 0:
                    continue
                if harm["left"] is not None:
                    harm["left"] -= 1
                place, mask = DAMAGE[harm["how"]]
                frame[chosen[0] + place] ^= mask
                self.damaged += 1
