"""Is the disk or the mount at fault, and what should a person do about it?

The one place where a full disk, a read-only folder and a mount that went away become a line for a person, whether the
kernel told us (`OSError`) or a child of ours (ffmpeg writes the kernel's words to stderr, often with exit code 0).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from touchline.errors import CommandError, StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM)
_LOST = (errno.ENOENT, errno.ENOTDIR)
_UNREACHED = (errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN,
              errno.ENETUNREACH, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET)  # fmt: skip
_AWAY = (*_LOST, errno.ENODEV, errno.ENXIO, *_UNREACHED)
_BROKEN = (errno.EIO, errno.EREMOTEIO)
STORAGE_ERRNOS = frozenset((*_FULL, *_REFUSED, *_AWAY, *_BROKEN, errno.EROFS))
_FFMPEG_ALSO_USES = (errno.EPERM, errno.ENODEV, errno.ENXIO)
_WORDS = {os.strerror(number): number for number in STORAGE_ERRNOS if number not in _FFMPEG_ALSO_USES}
_SAID_IN_PASSING = (*_FULL, *_BROKEN, errno.EROFS, *_UNREACHED)
"""What ffmpeg 5.1 says of a failed read or write before it ends with exit code 0."""
_MB = 1_000_000
_NEXT_TO_NOTHING_BYTES = 1 << 16


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the storage does to the writing of `path` inside the block into a `StorageError`.

    What was written must still be there when the block ends, so that the free space is that of the failure.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in STORAGE_ERRNOS:
            raise
        raise storage_error(error.errno, path_of(error) or path, writes=True) from error
    except CommandError as error:
        number = error.kernel_errno
        if number is None or number not in (*_FULL, errno.EROFS):
            raise
        raise storage_error(number, path, writes=True) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the storage does to the reading of `path` inside the block into a `StorageError`."""
    try:
        yield
    except OSError as error:
        if error.errno not in STORAGE_ERRNOS:
            raise
        raise storage_error(error.errno, path, writes=False) from error
    except CommandError as error:
        if error.kernel_errno is None:
            raise
        raise storage_error(error.kernel_errno, path, writes=False) from error


def storage_errno(line: str) -> int | None:
    """The kernel's error number whose words a line ends with: "a.mkv: No space left on device" → ENOSPC.

    The line must be a program's own: what a name or a tag says would count as well (see `video/log.py`).
    """
    return _WORDS.get(line.rpartition(": ")[2])


def is_said_in_passing(number: int | None) -> bool:
    """Whether ffmpeg may name this error and still end with exit code 0."""
    return number in _SAID_IN_PASSING


def storage_error(number: int, path: Path, *, writes: bool) -> StorageError:
    """The error for a person, from the kernel's error number and what was read or written."""
    reason = os.strerror(number)
    does = "written" if writes else "read"
    if number in _FULL:
        return StorageError(path, f"is full: {free_space(path)} free", "free some space or move it")
    if number == errno.EROFS:
        reason = f"{reason}, {free_space(path)} free"
        return StorageError(path, "is read-only", "mount it for writing", reason=reason)
    if number in _REFUSED:
        user = f"user {os.geteuid()}"
        return StorageError(path, f"cannot be {does} by {user}", f"let {user} do that", reason=reason)
    if number in _AWAY:
        state = "is away or incomplete" if number in _LOST else "is away"
        return StorageError(path, state, "mount it again or put the file back", reason=reason)
    return StorageError(path, f"cannot be {does}", "check the disk and the mount", reason=reason)


def free_space(path: Path) -> str:
    """"12 MB", and that no more files fit where that is what is short."""
    try:
        found = os.statvfs(_nearest(path))
    except OSError as error:
        return f"unknown ({error.strerror})"
    free = f"{found.f_bavail * found.f_frsize // _MB} MB"
    return f"{free}, but no more files," if found.f_files and not found.f_favail else free


def is_full(path: Path) -> bool:
    """Whether next to nothing fits on the disk of `path`."""
    found = os.statvfs(_nearest(path))
    return found.f_bavail * found.f_frsize < _NEXT_TO_NOTHING_BYTES or bool(found.f_files and not found.f_favail)


def _nearest(path: Path) -> Path:
    return next((place for place in (path, *path.parents) if place.exists()), path)


def path_of(error: OSError) -> Path | None:
    """The file that an error of the kernel names; None where it names none, as after `read` and `write`."""
    name = error.filename2 or error.filename
    return Path(os.fsdecode(name)) if isinstance(name, (str, bytes)) else None
