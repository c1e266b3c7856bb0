"""How does what a process says stay within bounds, and none of it is lost? By a pipe, and files that take turns.

    api-server.log       being written; when it is full it becomes
    api-server.log.1     … the newest of those that are full, up to `.4`: then the oldest goes

The process writes into a pipe all its life: a file that it held open itself could not be cut without losing what it
writes meanwhile. A thread of ours reads until the process, and all that it started, have closed the pipe.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

MOST_BYTES = 10_000_000
"""Of one file."""
KEPT = 5
"""Files of one process, the one that is being written among them."""
_CHUNK_BYTES = 1 << 16


class KeptLog:
    """The log of one process; when it is started again, its log goes on where it stopped."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
        self._path, self._most_bytes, self._kept = path, most_bytes, kept
        self._alone = threading.Lock()
        self._readers: list[threading.Thread] = []

    def follow(self, source: IO[bytes]) -> None:
        """Write down all that comes from there, until it ends."""
        self._readers = [reader for reader in self._readers if reader.is_alive()]
        # Nobody waits for it at the end: a child of the process may have left its session and hold the pipe.
        reader = threading.Thread(target=self._read, args=(source,), name=self._path.name, daemon=True)
        reader.start()
        self._readers.append(reader)

    def wait(self, timeout_sec: float) -> None:
        """Until what was said is written down."""
        for reader in self._readers:
            reader.join(timeout_sec)

    def _read(self, source: IO[bytes]) -> None:
        with source:
            while chunk := os.read(source.fileno(), _CHUNK_BYTES):
                # On a full disk it is lost, as it would be without us; Airflow must not stop for it.
                with self._alone, suppress(OSError):
                    self._write(chunk)

    def _write(self, chunk: bytes) -> None:
        with self._path.open("ab") as log:
            room = self._most_bytes - log.tell()
            if len(chunk) <= room:
                log.write(chunk)
                return
            rest = chunk.find(b"\n", max(0, room - 1)) + 1  # lines stay whole
            log.write(chunk[:rest])
        if rest:
            self._begin_another()
            self._write(chunk[rest:])
        else:  # a line that goes on in the next chunk
            with self._path.open("ab") as log:
                log.write(chunk)

    def _begin_another(self) -> None:
        for number in range(self._kept - 2, -1, -1):
            with suppress(FileNotFoundError):
                self._numbered(number).replace(self._numbered(number + 1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
