"""A receiver of webhooks on loopback: what it is sent, and what it answers."""
import http.server
import json
import threading


class Receiver:
    """answers: for each path what it answers next, the last one again and again: a status, (status, headers), `hang`, or
    after(seconds)."""

    hang = "hang"

    @staticmethod
    def after(seconds):
        """Takes it, that much later."""
        return 200, {}, seconds

    def __init__(self, **answers):
        self.answers = {f"/{path}": list(given) for path, given in answers.items()}
        self.requests = []  # (path, body, status or hang)
        self.lock, self.free = threading.Lock(), threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                path = self.path.partition("?")[0]
                with receiver.lock:
                    left = receiver.answers[path]
                    answer = left.pop(0) if len(left) > 1 else left[0]
                    receiver.requests.append((path, body, answer if answer == receiver.hang else self.status(answer)))
                if answer == receiver.hang:
                    receiver.free.wait(120)
                    return
                if isinstance(answer, tuple) and len(answer) > 2:
                    receiver.free.wait(answer[2])
                self.send_response(self.status(answer))
                for name, value in (answer[1] if isinstance(answer, tuple) else {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            @staticmethod
            def status(answer):
                return answer[0] if isinstance(answer, tuple) else answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}/{path}?token=s3cret-{path}"

    def answer(self, path, *answers):
        with self.lock:
            self.answers[f"/{path}"] = list(answers)

    def received(self, path, taken_only=True):
        """The bodies that were sent there, of those that it took unless told otherwise."""
        with self.lock:
            return [body for to, body, answer in self.requests
                    if to == f"/{path}" and (not taken_only or (answer != self.hang and 200 <= answer < 300))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.free.set()
        self.server.shutdown()
        self.server.server_close()
