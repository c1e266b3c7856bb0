"""How is a name opened below a folder so that nothing on its way is a link?

By openat2 where the kernel has it (5.6 and newer), else folder by folder, each opened in the one before it.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from touchline.errors import UntrustedFileError

ON_THE_WAY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
"""For a folder in which only something else is opened."""
_SYS_OPENAT2 = 437
_NO_LINKS_BELOW = 0x02 | 0x04 | 0x08
"""RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS and RESOLVE_BENEATH of <linux/openat2.h>."""
_HERE = -100
"""AT_FDCWD."""
_SOMETHING_ELSE = {errno.ELOOP: "is a link, or a folder on its way is one", errno.EISDIR: "is a folder",
                   errno.ENXIO: "is a socket or a pipe"}


def open_below(folder: int, path: Path, flags: int) -> int:
    """Open a relative path without ".." below an opened folder; returns the descriptor.

    Raises:
        OSError: as `os.open`; ELOOP where a part of the path is a link.
    """
    if has_openat2():
        return _openat2(folder, str(path), flags | os.O_CLOEXEC)
    return _open_step_by_step(folder, path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have every error of the kernel inside the block name the whole path; a link on the way is an error of ours."""
    try:
        yield
    except OSError as error:
        if error.errno in _SOMETHING_ELSE:
            raise UntrustedFileError(path, _SOMETHING_ELSE[error.errno]) from None
        if error.errno is None or (isinstance(error.filename, str) and os.path.isabs(error.filename)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_libc = ctypes.CDLL(None, use_errno=True)


@functools.cache
def has_openat2() -> bool:
    """Whether the kernel has openat2, and whoever watches over this process lets it through."""
    try:
        os.close(_openat2(_HERE, ".", ON_THE_WAY))
    except OSError:
        return False
    return True


def _openat2(folder: int, name: str, flags: int) -> int:
    how = _OpenHow(flags, 0, _NO_LINKS_BELOW)
    while True:
        descriptor = _libc.syscall(_SYS_OPENAT2, folder, os.fsencode(name), ctypes.byref(how), ctypes.sizeof(how))
        if descriptor >= 0:
            return int(descriptor)
        if (number := ctypes.get_errno()) not in (errno.EINTR, errno.EAGAIN):
            raise OSError(number, os.strerror(number), name)


def _open_step_by_step(folder: int, path: Path, flags: int) -> int:
    *way, last = path.parts or (".",)
    here = os.dup(folder)
    try:
        for name in way:
            here, before = _open_here(here, name, ON_THE_WAY | os.O_NOFOLLOW), here
            os.close(before)
        return _open_here(here, last, flags)
    finally:
        os.close(here)


def _open_here(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except NotADirectoryError:  # the kernel says so of a link, too, where a folder is wanted
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from None
        raise
