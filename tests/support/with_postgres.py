#!/usr/bin/python3
"""Runs a command with a private PostgreSQL cluster, whose URL is in SLUICE_TEST_POSTGRES. The cluster is gone when
the command has ended; the exit code is the command's.

    with_postgres.py [--postgres FOLDER] [--libraries FOLDER] COMMAND...     the folders as in tests/conftest.py"""
import argparse
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.postgres import Postgres  # noqa: E402
from support.sluice import Sluice, environment  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--postgres", type=os.path.abspath)
    parser.add_argument("--libraries", type=os.path.abspath)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    Postgres.programs, Sluice.libraries = given.postgres, given.libraries
    postgres = Postgres("fsync = off\n")  # nobody cuts this machine's power to look
    try:
        code = subprocess.run(given.command, env=environment(SLUICE_TEST_POSTGRES=postgres.url())).returncode
        trouble = [line for line in postgres.trouble() if "deadlock" not in line]  # a test may provoke one
        if trouble:
            print("PostgreSQL's log:", *trouble, sep="\n", file=sys.stderr)
        return code or (1 if trouble else 0)
    finally:
        postgres.remove()


if __name__ == "__main__":
    sys.exit(main())
