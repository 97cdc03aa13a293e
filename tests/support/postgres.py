"""A private PostgreSQL cluster in a temporary folder, on a free loopback port."""
import contextlib
import glob
import os
import pwd
import re
import shutil
import subprocess
import tempfile

import psycopg2

from support.waiting import free_port

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
max_prepared_transactions = 2
shared_buffers = 256MB
max_wal_size = 4GB
log_line_prefix = '%m [%p] '
log_lock_waits = on
"""
# What a test provokes on purpose is no trouble; anything else of this weight is.
TROUBLE = re.compile(r"PANIC|deadlock detected|TRAP|server process .* was terminated by signal", re.IGNORECASE)


def newest_programs():
    """The folder of initdb and pg_ctl: the newest that Debian's packages have put there."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if not folders:
        raise RuntimeError("PostgreSQL's server programs are missing: run tools/setup")
    return folders[-1]


class Postgres:
    programs = None  # set from --postgres: the folder of another server's initdb and pg_ctl

    def __init__(self, settings=""):
        self.dir = tempfile.mkdtemp(prefix="sluice-postgres-")
        self.data = os.path.join(self.dir, "data")
        self.port = free_port()
        # The server refuses to run as root.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            owner = pwd.getpwnam("postgres")
            os.chown(self.dir, owner.pw_uid, owner.pw_gid)
        try:
            self._call("initdb", "-D", self.data, "-U", "app", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
                       "--no-sync")
            with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="ascii") as file:
                file.write(SETTINGS + f"port = {self.port}\n" + settings)
            self.start()
        except BaseException:
            self.remove()  # whoever interrupts a start would leave a server behind
            raise

    def _program(self, name):
        return os.path.join(self.programs or newest_programs(), name)

    def _call(self, program, *arguments):
        done = subprocess.run(self.user + [self._program(program), *arguments], cwd="/", timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}\n{self.log()[-2000:]}")

    def start(self):
        # pg_ctl's own output must not be a pipe that the server inherits and keeps open.
        with open(os.path.join(self.dir, "pg_ctl.out"), "ab") as out:
            done = subprocess.run(self.user + [self._program("pg_ctl"), "-D", self.data, "-w", "-t", "60", "-l",
                                               os.path.join(self.dir, "server.log"), "start"],
                                  cwd="/", timeout=90, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        if done.returncode:
            raise RuntimeError(f"PostgreSQL did not start: {self.log()[-2000:]}")

    def stop(self, mode="fast"):
        self._call("pg_ctl", "-D", self.data, "-w", "-t", "60", "-m", mode, "stop")

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def remove(self):
        with contextlib.suppress(RuntimeError):
            self.stop("immediate")
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        with contextlib.suppress(OSError), open(os.path.join(self.dir, "server.log"), errors="replace",
                                                encoding="utf-8") as file:
            return file.read()
        return ""

    def trouble(self, begin=0):
        """What the log holds from this character on that no test provokes."""
        return [line for line in self.log()[begin:].splitlines() if TROUBLE.search(line)]

    def url(self, database="postgres"):
        return f"postgresql://app@127.0.0.1:{self.port}/{database}"

    def connect(self, database="postgres"):
        connection = psycopg2.connect(self.url(database), connect_timeout=60)
        connection.autocommit = True
        return connection

    def create_database(self, name):
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)
