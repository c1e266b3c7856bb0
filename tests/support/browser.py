"""A real browser for tests, and what a page tells of itself."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class _Listener(BaseHTTPRequestHandler):
    """Takes what the page saw: the browser runs in real time, so it has to say when it is done."""

    server: Any

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.seen.put(json.loads(body))

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Any]:
    """A server whose queue `seen` holds what pages sent, and whose `asked` the paths that they wanted."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Listener) as server:
        server.seen, server.asked = queue.Queue(), []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Open a page in a browser that is gone after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def open_page(address: str) -> None:
        argv = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        argv += ["--no-first-run", "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0"]
        argv += [f"--user-data-dir={tmp_path / 'profile'}", address]
        started.append(
            subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        )

    yield open_page
    for browser in started:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
