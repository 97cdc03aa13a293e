"""A client that says what no honest client would: Paramiko with raw messages after the handshake."""
import base64
import contextlib
import hashlib
import logging
import socket
import threading
import time

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from paramiko.common import cMSG_SERVICE_REQUEST, cMSG_USERAUTH_REQUEST
from paramiko.message import Message

logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


class Raw:
    """A connection after the key exchange; `with` closes it. source: a loopback address of one's own."""

    def __init__(self, port, source="127.0.0.1", **how):
        self.socket = socket.create_connection(("127.0.0.1", port), 60, (source, 0))
        self.transport = paramiko.Transport(self.socket, **how)
        self.transport.banner_timeout = 60
        self.closed = threading.Event()
        self.transport.start_client(timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed.set()
        self.transport.close()

    def stop_reading(self):
        """From here on nobody takes what the server sends; the connection stays open."""
        def wait():
            self.closed.wait()
            raise EOFError
        self.transport.packetizer.read_message = wait

    def log_in(self, folder, name, user="ops"):
        self.transport.auth_publickey(user, paramiko.Ed25519Key.from_private_key_file(str(folder / name)))
        return self

    def open_session_of(self, max_packet_size, window_size=2**31 - 1):
        """A channel whose client takes packets of so many bytes, however few: Paramiko alone would ask for more."""
        self.transport._sanitize_packet_size = lambda size: size
        return self.transport.open_session(window_size=window_size, max_packet_size=max_packet_size, timeout=60)

    def open_terminal(self, columns=80, rows=24):
        """A channel with a terminal, of which nothing else is asked yet."""
        channel = self.transport.open_session(timeout=60)
        channel.get_pty("xterm", columns, rows)
        return channel

    def open_shell(self, columns=80, rows=24):
        channel = self.open_terminal(columns, rows)
        channel.invoke_shell()
        return channel

    def send(self, kind, *fields):
        """One message: bytes and text as strings, True and False as booleans, numbers as uint32; kind is its byte."""
        message = Message()
        message.add_byte(kind if isinstance(kind, bytes) else bytes([kind]))
        for field in fields:
            if isinstance(field, bool):
                message.add_boolean(field)
            elif isinstance(field, int):
                message.add_int(field)
            else:
                message.add_string(field)
        self.transport._send_message(message)

    def flood_with_method(self, method, count):
        """Asks to log in by a method that does not exist, so often or until the server has had enough."""
        self.send(cMSG_SERVICE_REQUEST, "ssh-userauth")
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            for _ in range(count):
                self.send(cMSG_USERAUTH_REQUEST, "ops", "ssh-connection", method)


def until(channel, *wanted):
    """What a channel sends until it has sent all that is wanted."""
    seen = b""
    channel.settimeout(60)
    while not all(text in seen for text in wanted):
        more = channel.recv(65536)
        assert more, (seen, wanted)
        seen += more
    return seen


def exit_code(channel):
    assert channel.status_event.wait(60), "the command does not end"
    return channel.recv_exit_status()


CROWD = tuple(f"127.1.0.{n}" for n in range(1, 9))


def crowd(port, count, held_at_most=200, sources=CROWD):
    """Strangers from these addresses, a third each: silent, a banner, a banner and part of a large packet.
    Returns how many were let through the door."""
    held, taken = [], 0
    for n in range(count):
        try:
            one = socket.create_connection(("127.0.0.1", port), 10, (sources[n % len(sources)], 0))
            if n % 3:
                one.sendall(b"SSH-2.0-stranger\r\n")
            if n % 3 == 2:
                one.sendall((200_000).to_bytes(4, "big") + b"\x04\x14" + b"x" * 1000)
        except OSError:
            continue  # turned away, which is what the limits are for
        taken += 1
        held.append(one)
        if len(held) > held_at_most:
            held.pop(0).close()
    for one in held:
        one.close()
    return taken


class Flood:
    """Connections a second from an operator's own address, for as long as the block lasts: every third says nothing,
    every third half a greeting, every third a whole one."""

    SAID = (b"", b"SSH-2.0-stra", b"SSH-2.0-stranger\r\n")

    def __init__(self, port, rate, held_at_most=100):
        self.port, self.rate, self.held_at_most, self.opened = port, rate, held_at_most, 0
        self.ended, self.thread = threading.Event(), threading.Thread(target=self.run, daemon=True)

    def run(self):
        held, begin = [], time.monotonic()
        while not self.ended.is_set():
            while self.opened < (time.monotonic() - begin) * self.rate and not self.ended.is_set():
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", self.port))
                held.append(one)
                self.opened += 1
                if len(held) > 3:  # a moment later it is connected
                    with contextlib.suppress(OSError):
                        held[-3].send(self.SAID[self.opened % 3])
                if len(held) > self.held_at_most:
                    held.pop(0).close()
            time.sleep(0.002)
        for one in held:
            one.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(60)


class Junk(paramiko.PKey):
    """A key that lies about its type, its blob or its signature."""
    public_blob = None

    def __init__(self, key, signature=None, blob=None, name=None):
        self.key, self.signature, self.blob, self.name = key, signature, blob, name

    def get_name(self):
        return self.name or self.key.get_name()

    def asbytes(self):
        return self.blob or self.key.asbytes()

    def can_sign(self):
        return True

    def sign_ssh_data(self, data, algorithm=None):
        if self.signature is None:
            return self.key.sign_ssh_data(data)
        message = Message()
        message.add_string(self.get_name())
        message.add_string(self.signature)
        return message


class SecurityKey(paramiko.PKey):
    """sk-ssh-ed25519@openssh.com made of software: what a token in somebody's pocket would sign."""
    public_blob = None
    NAME, APPLICATION = "sk-ssh-ed25519@openssh.com", b"ssh:"

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()

    def get_name(self):
        return self.NAME

    def asbytes(self):
        message = Message()
        message.add_string(self.NAME)
        message.add_string(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        message.add_string(self.APPLICATION)
        return message.asbytes()

    def line(self):
        return f"{self.NAME} {base64.b64encode(self.asbytes()).decode()} token"

    def can_sign(self):
        return True

    def sign_ssh_data(self, data, algorithm=None):
        tail = b"\x01" + (7).to_bytes(4, "big")  # touched; the counter
        signed = hashlib.sha256(self.APPLICATION).digest() + tail + hashlib.sha256(data).digest()
        message = Message()
        message.add_string(self.NAME)
        message.add_string(self.key.sign(signed))
        message.add_bytes(tail)
        return message
