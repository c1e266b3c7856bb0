"""How do we show what goes on: one line that changes on a terminal, plain lines elsewhere?"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

PLAIN_EVERY_S = 15.0


class LiveLine:
    """One line. Off a terminal it is printed when its `key` changes, and every 15 s at most otherwise."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._key = ""
        self._text = ""
        self._shown_at = 0.0
        self._started = time.monotonic()

    def show(self, text: str, key: str | None = None) -> None:
        """Replace the line; `key` says what counts as news, the text itself if it is left out."""
        key = text if key is None else key
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r\x1b[K{text[:width]}")
        elif key != self._key or (text != self._text and time.monotonic() - self._shown_at > PLAIN_EVERY_S):
            self._write(f"{text}\n")
            self._shown_at, self._text = time.monotonic(), text
        self._key = key

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._write(f"\r\x1b[K{text}\n" if self._live else f"{text}\n")
        self._key = ""

    @contextmanager
    def waiting(self, describe: Callable[[], str]) -> Iterator[None]:
        """While the block runs, show what it waits for and for how long; `describe` is asked every half second."""
        done = threading.Event()
        started = time.monotonic()

        def tick() -> None:
            while not done.wait(0.5):
                text = describe()
                self.show(f"{text} ({time.monotonic() - started:.0f} s)", key=text)

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            yield
        finally:
            done.set()
            ticker.join()
            if self._live:
                self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
