"""The console as operators reach it: keys of every role, the OpenSSH client, and a terminal (tmux) to look at.

Access makes the files; Screen is a window of a private tmux server. Nothing asks a question and nothing outlives its
owner.
"""
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

from support.waiting import free_port, wait_until

ROLES = {"k_view": "viewer", "k_oper": "operator", "k_adm": "admin"}
SSH_CONFIG = """Host console
  HostName 127.0.0.1
  Port {port}
  User ops
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
  StrictHostKeyChecking accept-new
  PreferredAuthentications publickey
  ConnectTimeout 60
  LogLevel ERROR
"""


@dataclass
class Answer:
    code: int
    out: str
    err: str
    took: float  # seconds


class Access:
    """Key pairs, the keys file, the host key and the client's configuration, in a folder of their own, which `with` removes."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-console-"))
        self.port = free_port()
        self.keys_file = self.folder / "authorized_keys"
        self.host_key = self.folder / "host_ed25519"
        for name in (*ROLES, "k_none"):
            self.make_key(name)
        self.write_keys()
        self.changed = False  # whether the keys are others than at first
        (self.folder / "config").write_text(SSH_CONFIG.format(port=self.port, folder=self.folder))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def make_key(self, name, kind="ed25519", bits=None):
        """Returns the public key's line."""
        size = ["-b", str(bits)] if bits else []
        subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", name, "-f", str(self.folder / name)],
                       check=True, timeout=60)
        return self.public(name)

    def public(self, name):
        return (self.folder / f"{name}.pub").read_text().strip()

    def fingerprint(self, name):
        done = subprocess.run(["ssh-keygen", "-l", "-f", str(self.folder / f"{name}.pub")], capture_output=True, text=True,
                              check=True, timeout=60)
        return done.stdout.split()[1]

    def line(self, name, role="viewer", **options):
        """A line of the keys file; max_sessions=2 becomes max-sessions="2", True a bare word."""
        words = [f'role="{role}"', f'name="{name[2:] if name.startswith("k_") else name}"']
        for option, value in options.items():
            words.append(option.replace("_", "-") if value is True else f'{option.replace("_", "-")}="{value}"')
        return f"{','.join(words)} {self.public(name)}"

    def write_keys(self, *more, mode=0o600):
        lines = [self.line(name, role, max_sessions=20) for name, role in ROLES.items()]
        self.keys_file.write_text("\n".join([*lines, *more]) + "\n")
        self.keys_file.chmod(mode)
        self.changed = True

    def toml(self):
        return f'listen = "127.0.0.1:{self.port}"\nkeys = "{self.keys_file}"\nhost_key = "{self.host_key}"'

    def ssh(self, *words, key="k_view", options=(), user=None):
        """The client's command line. Words that begin with - and come first belong to the client."""
        settings = [part for option in options for part in ("-o", option)]
        name = [] if user is None else ["-l", user]
        flags = []
        while words and words[0].startswith("-"):
            flags, words = [*flags, words[0]], words[1:]
        return ["ssh", "-F", str(self.folder / "config"), "-i", str(self.folder / key), *settings, *name, *flags, "console",
                *words]

    def run(self, *words, seconds=120, text="", env=None, **how):
        begin = time.monotonic()
        done = subprocess.run(self.ssh(*words, **how), input=text.encode() if isinstance(text, str) else text,
                              capture_output=True, timeout=seconds, env={**os.environ, **(env or {})})
        return Answer(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"),
                      time.monotonic() - begin)

    def popen(self, *words, env=None, **how):
        return subprocess.Popen(self.ssh(*words, **how), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env={**os.environ, **(env or {})})

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Screen:
    """A window of a private tmux server that runs one command."""

    def __init__(self, command, columns=100, rows=30, term="xterm-256color"):
        self.server = f"sluice-{os.getpid()}-{secrets.token_hex(4)}"
        self.folder = tempfile.mkdtemp(prefix="sluice-screen-")
        env = {**os.environ, "TERM": term, "LC_ALL": "C.UTF-8", "TMUX": "", "TMUX_TMPDIR": self.folder}
        self.env = {name: value for name, value in env.items() if name != "TMUX"}
        # The command sees the terminal's name that was asked for; the window stays when it has ended, and its code in
        # a file, as tmux itself sometimes does not know it.
        self.code_file = pathlib.Path(self.folder, "code")
        script = 'TERM=$1 "${@:3}"; echo $? >"$2.new"; mv "$2.new" "$2"; sleep 600'
        wrapped = ["bash", "-c", script, "bash", term, str(self.code_file), *command]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "sleep", "600")
        self.tmux("set-option", "-g", "remain-on-exit", "on")
        self.tmux("set-option", "-g", "status", "off")
        self.tmux("set-option", "-g", "escape-time", "0")
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))
        self.tmux("respawn-pane", "-k", *wrapped)

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-u", "-L", self.server, *arguments], capture_output=True, timeout=60, env=self.env)
        if done.returncode:
            raise AssertionError(f"tmux {arguments}: {done.stderr.decode()}")
        return done.stdout.decode(errors="replace")

    def keys(self, *names):
        """Names as tmux knows them: Enter, C-c, Left, Tab; anything else is typed."""
        self.tmux("send-keys", *names)
        return self

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        return self

    def text(self, colours=False):
        return "\n".join(line.rstrip() for line in
                         self.tmux("capture-pane", "-p", *(["-e"] if colours else [])).rstrip("\n").split("\n"))

    def lines(self):
        return [line for line in self.text().split("\n") if line]

    def cursor(self):
        """(column, row), from 0."""
        column, row = self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(column), int(row)

    def shown(self, flag):
        return self.tmux("display-message", "-p", f"#{{{flag}}}").strip()

    def ended(self):
        return self.code_file.exists()

    def code(self):
        return int(self.code_file.read_text())

    def wait(self, pattern, seconds=60):
        """Until the screen matches; returns the match."""
        return wait_until(lambda: re.search(pattern, self.text(), re.M), lambda: f"{pattern!r} on:\n{self.text()}", seconds)

    def wait_ended(self, seconds=60):
        wait_until(self.ended, lambda: f"the client's end:\n{self.text()}", seconds)
        return self.code()

    def resize(self, columns, rows=30):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def close(self):
        subprocess.run(["tmux", "-L", self.server, "kill-server"], capture_output=True, timeout=60, env=self.env)
        shutil.rmtree(self.folder, ignore_errors=True)
