"""A wall clock that is wrong by as much as a test says, for the services that are started with its environment.

The library is built when the first one is asked for. Not for binaries with a sanitizer, which want to come first.
"""
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "support" / "wrong_clock.cc"
SANITIZED = (b"__asan_init", b"__tsan_init")


def possible(binary):
    text = pathlib.Path(binary).read_bytes()
    return not any(name in text for name in SANITIZED)


class WrongClock:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-clock-")
        self.library, self.file = os.path.join(self.dir, "wrong_clock.so"), os.path.join(self.dir, "seconds")
        try:
            subprocess.run(["g++", "-std=c++20", "-O1", "-shared", "-fPIC", "-o", self.library, str(SOURCE), "-ldl"], check=True,
                           timeout=120)
        except BaseException:
            self.remove()
            raise
        pathlib.Path(self.file).write_bytes(struct.pack("q", 0))

    def environment(self):
        return {"LD_PRELOAD": self.library, "SLUICE_CLOCK": self.file}

    def wrong_by(self, seconds):
        """From now on; the file is mapped by the services, so it is changed in place."""
        with open(self.file, "r+b") as file:
            file.write(struct.pack("q", seconds))

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)
