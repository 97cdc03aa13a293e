"""A standby of a test's own PostgreSQL server."""
import contextlib
import os
import pathlib
import shutil
import subprocess

from support.postgres import Postgres
from support.waiting import wait_until


def copied(postgres, target):
    """A copy of the cluster's folder, taken while it is stopped, with its owner."""
    subprocess.run(["cp", "-a", postgres.data, target], check=True, timeout=120)


class Standby(Postgres):
    """Another server that follows the first one from begin() on."""

    def __init__(self, primary):
        self.primary = primary
        super().__init__()
        self.stop()

    def begin(self):
        """From a copy of the primary, which is stopped for it. Returns once it has received everything."""
        self.primary.stop()
        shutil.rmtree(self.data)
        copied(self.primary, self.data)
        self.primary.start()
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="ascii") as file:
            file.write(f"port = {self.port}\nprimary_conninfo = 'host=127.0.0.1 port={self.primary.port} user=app'\n")
        pathlib.Path(self.data, "standby.signal").touch()
        self.start()
        wait_until(self.follows, self.log, 60)

    def promote(self):
        self._call("pg_ctl", "-D", self.data, "-w", "promote")

    def follows(self):
        with contextlib.closing(self.primary.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
                           " AND replay_lsn = pg_current_wal_lsn()")
            return cursor.fetchone()[0] == 1
