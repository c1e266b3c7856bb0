"""Is this the only process that does it? A lock of the kernel says so: it ends with its holder, however that dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def alone(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock on a file until the block ends; the file is made where it is missing.

    The file stays: removing it would let two holders lock two files of the same name.

    Raises:
        BlockingIOError: another process holds it, and this one is not to wait.
        OSError: the file cannot be made or opened.
    """
    with path.open("a") as handle:
        take(handle, wait=wait)
        yield


def take(handle: IO[str] | int, *, wait: bool = True) -> None:
    """Lock an open file until it is closed; BlockingIOError as above."""
    fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
