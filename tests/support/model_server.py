"""A web server that has one file, or misbehaves; also as a proxy, which is asked for whole addresses."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PLENTY_SEC = 30.0


class ModelServer(http.server.ThreadingHTTPServer):
    """Answers each request as `way` says; `asked` are the paths, or the addresses where it is asked as a proxy.

    Ways: "good"; "404"; "cut" half of the file though all of it was promised; "silent" never a word; "stuck" half of
    the file and then silence; "drip" a byte now and then; "endless" bytes without a length; "moved" to "/good"; "odd"
    what is not HTTP.
    """

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.way = "good"
        self.asked: list[str] = []
        self.over = threading.Event()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def model_server(content: bytes) -> Iterator[ModelServer]:
    """Run one for as long as the context lasts."""
    with ModelServer(content) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: ModelServer

    def do_GET(self) -> None:
        """Answer in the server's way."""
        self.server.asked.append(self.path)
        way = "good" if self.path == "/good" else self.server.way
        content = self.server.content
        if way == "silent":
            self.server.over.wait(PLENTY_SEC)
        elif way == "odd":
            self.wfile.write(b"\0\1\2 what\r\n\r\n")
        elif way == "404":
            self._head(404, len(b"no such file"))
            self.wfile.write(b"no such file")
        elif way == "moved":
            self.send_response(302)
            self.send_header("Location", f"{self.server.address}/good")
            self.end_headers()
        elif way == "endless":
            self._head(200)
            while not self.server.over.is_set():
                self.wfile.write(content)
        elif way == "drip":
            self._head(200, len(content))
            while not self.server.over.wait(0.02):
                self.wfile.write(b"x")
        else:
            self._head(200, len(content))
            self.wfile.write(content if way == "good" else content[: len(content) // 2])
            if way == "stuck":
                self.server.over.wait(PLENTY_SEC)

    def _head(self, status: int, length: int | None = None) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def handle(self) -> None:
        """Who asked may have gone already."""
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
