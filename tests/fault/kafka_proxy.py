"""A TCP proxy between the service and a broker that damages what the broker sends: bytes within a batch of records.

The broker's answers name its own address; the proxy puts its own in that place, so that every connection comes this way.
It reads answers to Fetch in the versions that librdkafka 2.0.2 asks for (4 to 11) and leaves later ones alone.
"""
import collections
import struct
import threading

from fault.proxy import TO_SERVER, Proxy

FETCH = 1
# Where a byte lies within a batch of records (version 2).
MAGIC, RECORDS = 16, 61
DAMAGE = {
    "magic": (MAGIC, 0x40),
    "crc": (RECORDS + 2, 0xff),  # a byte of the first record: only the checksum tells
    "codec": (22, 0x07),         # attributes, which the checksum covers, too
    "length": (8, 0x01),         # of the whole batch, which nothing covers
}


class Reader:
    def __init__(self, data, at):
        self.data, self.at = data, at

    def take(self, form):
        found = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return found[0]

    def text(self):
        size = self.take("h")
        self.at += size
        return self.data[self.at - size:self.at].decode()


def fetched_batches(answer, version):
    """(topic, partition, base offset, where it begins in the answer) of every batch that is there as a whole."""
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


class KafkaProxy(Proxy):
    def __init__(self, bootstrap):
        host, port = bootstrap.rsplit(":", 1)
        self.theirs = host.encode() + struct.pack(">i", int(port))
        self.harms, self.damaged = [], 0
        self.harm_lock = threading.Lock()
        self.asked = collections.defaultdict(dict)  # by connection: correlation id → version of a Fetch
        self.rest = collections.defaultdict(bytearray)
        super().__init__(int(port), host=host, framed=False)
        self.bootstrap = f"{host}:{self.port}"
        self.ours = host.encode() + struct.pack(">i", self.port)

    def damage(self, topic, partition, how, which, times):
        """which: the position of a batch among those of the partition in one answer, 0 for the first, or the base offset of a
        batch as ("base", offset). times: how often; None for always."""
        with self.harm_lock:
            self.harms.append({"at": (topic, partition), "how": how, "which": which, "left": times})

    def mend(self):
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
                if key == FETCH:
                    self.asked[link][number] = version
            else:
                version = self.asked[link].pop(int.from_bytes(frame[4:8], "big"), None)
                if version is None:
                    frame = frame.replace(self.theirs, self.ours)
                elif version <= 11:
                    self._harm(frame, version)
            out += frame
        sink.sendall(out)
        return True

    def _harm(self, frame, version):
        with self.harm_lock:
            if not self.harms:
                return
            batches = fetched_batches(frame, version)
            for harm in self.harms:
                own = [(base, begin) for topic, partition, base, begin in batches if (topic, partition) == harm["at"]]
                which = harm["which"]
                chosen = [begin for n, (base, begin) in enumerate(own) if which in (n, ("base", base))]
                if not chosen or harm["left"] == 0:
                    continue
                if harm["left"] is not None:
                    harm["left"] -= 1
                place, mask = DAMAGE[harm["how"]]
                frame[chosen[0] + place] ^= mask
                self.damaged += 1
