#!/usr/bin/python3
"""Runs a command with a private PostgreSQL cluster, whose URL is in SLUICE_TEST_POSTGRES. The cluster is gone when
the command has ended; the exit code is the command's."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.postgres import Postgres  # noqa: E402
from support.sluice import environment  # noqa: E402


def main():
    postgres = Postgres()
    try:
        code = subprocess.run(sys.argv[1:], env=environment(SLUICE_TEST_POSTGRES=postgres.url())).returncode
        trouble = [line for line in postgres.trouble() if "deadlock" not in line]  # a test may provoke one
        if trouble:
            print("PostgreSQL's log:", *trouble, sep="\n", file=sys.stderr)
        return code or (1 if trouble else 0)
    finally:
        postgres.remove()


if __name__ == "__main__":
    sys.exit(main())
