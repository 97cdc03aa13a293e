"""A server of the test's own that a script of tools/ starts in a temporary folder, and ends by its pid."""
import contextlib
import pathlib
import shutil
import subprocess
import tempfile

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


class Server:
    tool = None  # name of the script
    seconds = 700  # longest time of one command, which may have to fetch the server first

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"sluice-{self.tool}-"))

    def begin(self, *arguments):
        """Starts it, and returns the address that the script prints; nothing stays behind where that fails."""
        try:
            return self.call("start", *arguments)
        except BaseException:
            with contextlib.suppress(RuntimeError):  # there is nothing to end if it did not come that far
                self.remove()  # a server that was merely too slow would stay for ever
            shutil.rmtree(self.dir, ignore_errors=True)
            raise

    def call(self, command, *arguments):
        done = subprocess.run([str(TOOLS / self.tool), command, "--dir", str(self.dir), *arguments], stdout=subprocess.PIPE,
                              text=True, timeout=self.seconds)
        if done.returncode:
            raise RuntimeError(f"tools/{self.tool} {command} failed\n{self.log()[-3000:]}")
        return done.stdout.strip()

    def log(self):
        path = self.dir / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def remove(self):
        self.call("kill", "--remove")
        shutil.rmtree(self.dir, ignore_errors=True)
