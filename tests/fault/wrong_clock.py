"""A wall clock that is wrong by as much as a test says, for the services that are started with its environment.

The library is built once in a run, when the first one is asked for. Not for binaries with a sanitizer, which want to come first.
"""
import atexit
import functools
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "support" / "wrong_clock.cc"


@functools.cache
def library():
    """Its path; it is removed when the run ends."""
    folder = tempfile.mkdtemp(prefix="sluice-clock-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = os.path.join(folder, "wrong_clock.so")
    subprocess.run(["g++", "-std=c++20", "-O1", "-shared", "-fPIC", "-o", path, str(SOURCE), "-ldl"], check=True, timeout=120)
    return path


class WrongClock:
    def __init__(self):
        self.library = library()
        self.dir = tempfile.mkdtemp(prefix="sluice-clock-")
        self.file = os.path.join(self.dir, "seconds")
        pathlib.Path(self.file).write_bytes(struct.pack("q", 0))

    def environment(self):
        return {"LD_PRELOAD": self.library, "SLUICE_CLOCK": self.file}

    def wrong_by(self, seconds):
        """From now on; the file is mapped by the services, so it is changed in place."""
        with open(self.file, "r+b") as file:
            file.write(struct.pack("q", seconds))

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)
