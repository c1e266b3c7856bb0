"""What can be measured on a mount? Each probe asks the file system one thing, and may hang: see `bounded`."""

from __future__ import annotations

import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from touchline.errors import StorageError
from touchline.results.files import replacing

READ_BYTES = WRITE_BYTES = 256 << 20
LONGEST_SEC = 10.0
"""A sequential read or write ends after this much, or this long."""
LEAST_BYTES = 8 << 20
"""What is smaller says nothing about bandwidth."""
FILES_LOOKED_AT = 5_000
FILES_TIMED = 20
_BLOCK_BYTES = 1 << 20
_PIECE_BYTES = 4 << 20
_PART_OF_FREE = 10
_PROBE_NAME = ".touchline-check"
_LEFTOVER_SEC = 3600
_SERVER_PORTS = (2049, 445)
_SERVER_SEC = 2.0


@dataclass(frozen=True)
class Mount:
    """A line of the kernel's mount table."""

    point: str
    kind: str
    source: str
    read_only: bool


def mount_of(path: str, table: str) -> Mount:
    """The mount on which a path without links lies, from the text of /proc/self/mountinfo."""
    found = Mount("/", "unknown", "unknown", False)
    for line in table.splitlines():
        left, _, right = line.partition(" - ")
        point, options = (_plain(word) for word in left.split()[4:6])
        kind, source, more = (_plain(word) for word in [*right.split(), ""][:3])
        if (path + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(found.point):
            found = Mount(point, kind, source, "ro" in {*options.split(","), *more.split(",")})
    return found


def open_port(host: str) -> int | None:
    """The port of NFS or SMB on which a server answers; None where it answers on none of them."""
    for port in _SERVER_PORTS:
        with suppress(OSError, UnicodeError), socket.create_connection((host, port), timeout=_SERVER_SEC):
            return port
    return None


def look_into(folder: Path) -> dict[str, Any]:
    """Where the folder really is, whether something is in it and whether we may write to it."""
    with os.scandir(folder) as entries:
        is_empty = next(entries, None) is None
    return {"real": os.path.realpath(folder), "empty": is_empty, "writable": os.access(folder, os.W_OK)}


def publish_something(folder: Path) -> float:
    """Write, flush, rename and remove a small file as `publish` does; returns seconds.

    Raises:
        StorageError: the folder is away, full or read-only.
    """
    started, path = time.monotonic(), folder / f"{_PROBE_NAME}-{secrets.token_hex(8)}"
    if not folder.is_dir():
        raise StorageError(folder, "is not a folder", "mount or create it")
    _remove_leftovers(folder)
    try:
        with replacing(path) as file:
            file.write(bytes(_BLOCK_BYTES))
    finally:
        path.unlink(missing_ok=True)
    return time.monotonic() - started


def space_of(folder: Path) -> dict[str, int]:
    """Free bytes for us, and whether more files fit."""
    found = os.statvfs(folder)
    return {"free": found.f_bavail * found.f_frsize, "files": found.f_favail if found.f_files else 1}


def find_files(mount: Path, without: Path, still_sec: float) -> dict[str, Any]:
    """Some files below the mount, and the largest one that nobody has written to for `still_sec` seconds."""
    largest, size, now = None, LEAST_BYTES - 1, time.time()
    some: list[str] = []
    for number, path in enumerate(_files(mount, without)):
        if number >= FILES_LOOKED_AT:
            break
        with suppress(OSError):
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                continue
            if len(some) < FILES_TIMED:
                some.append(str(path))
            # An mtime in the future is that of a camera whose clock runs ahead: it says nothing.
            written = max(status.st_ctime, status.st_mtime if status.st_mtime <= now else 0)
            if status.st_size > size and now - written >= still_sec:
                largest, size = str(path), status.st_size
    return {"largest": largest, "some": some}


def read_rate(path: Path) -> dict[str, float]:
    """Bytes read in sequence from somewhere in the file, from the NAS and not from our memory, and seconds."""
    with path.open("rb", buffering=0) as handle:
        size = os.fstat(handle.fileno()).st_size
        length = min(size, READ_BYTES)
        offset = secrets.randbelow(size - length + 1) // _BLOCK_BYTES * _BLOCK_BYTES
        os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        handle.seek(offset)
        return _rate(length, lambda: len(handle.read(_BLOCK_BYTES)))


def write_rate(folder: Path, name: str) -> dict[str, float]:
    """Bytes written in sequence, each piece on the NAS before the next, and seconds; the file is removed.

    At most a tenth of the free space is taken; where that is next to nothing, nothing is written.
    """
    path, piece = folder / name, os.urandom(_PIECE_BYTES)
    length = min(WRITE_BYTES, space_of(folder)["free"] // _PART_OF_FREE)
    if length < LEAST_BYTES:
        return {"bytes": 0, "seconds": 0.0}
    try:
        with path.open("xb", buffering=0) as handle:

            def write_piece() -> int:
                written = handle.write(piece)
                os.fsync(handle.fileno())
                return written

            return _rate(length, write_piece)
    finally:
        path.unlink(missing_ok=True)


def probe_file_name() -> str:
    """A name for `write_rate` that nobody else uses."""
    return f"{_PROBE_NAME}-{secrets.token_hex(8)}"


def latency(paths: Sequence[Path]) -> dict[str, float]:
    """Median and worst of some opens and stats, in milliseconds."""
    stats = [_timed(path.stat) for path in paths]
    opens = [_timed(partial(_open, path)) for path in paths]
    return {"open": median(opens), "open_worst": max(opens), "stat": median(stats), "stat_worst": max(stats)}


def _open(path: Path) -> None:
    os.close(os.open(path, os.O_RDONLY))


def _rate(length: int, move: Callable[[], int]) -> dict[str, float]:
    started, moved = time.monotonic(), 0
    while moved < length and time.monotonic() - started < LONGEST_SEC:
        step = move()
        if not step:
            break
        moved += step
    return {"bytes": moved, "seconds": max(1e-6, time.monotonic() - started)}


def _timed(act: Callable[[], Any]) -> float:
    started = time.monotonic()
    act()
    return (time.monotonic() - started) * 1000


def _files(mount: Path, without: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(mount):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and Path(folder, name) != without)
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _remove_leftovers(folder: Path) -> None:
    """What a check left that was killed."""
    for path in folder.glob(f".*{_PROBE_NAME[1:]}-*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _LEFTOVER_SEC:
                path.unlink()


def _plain(word: str) -> str:
    r"""A word of the mount table: "\040" is a space."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), word)
