"""How is a file reached below a folder into which a step, or anybody at the NAS, may have put what they like?

`open_folder` opens a folder that a setting names: it may be a link or a mount, the operator chose it. Nothing
below it is trusted: no part of a name may be a link, and only regular files are read. What is done is done to what was
opened, so nothing can be swapped between a look and the act.

Errors: `UntrustedFileError` where something lies that we would not have put there; an `OSError` that names the
whole path for all that the storage does (see `touchline.storage`).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any

from touchline.alone import take
from touchline.beneath.opening import ON_THE_WAY, naming, open_below
from touchline.errors import UntrustedFileError

DEEPEST = 32
"""Our own files lie at most five folders deep; what is deeper than this is seen by nobody but `remove_tree`."""
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{16}\.part")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_FOLDER = (errno.ENOTDIR, errno.ELOOP)


def temporary_name(name: str) -> str:
    """Where a file is written before it gets its name: nobody can tell it beforehand. In the same folder."""
    path = Path(name)
    return str(path.with_name(f".{path.name}.{secrets.token_hex(8)}.part"))


def is_temporary(file_name: str, of: str | None = None) -> bool:
    """Whether a file in a folder has a name of `temporary_name`; with `of` only one for the file of this name."""
    found = _TEMPORARY.fullmatch(file_name)
    return found is not None and of in (None, found["name"])


@contextmanager
def open_folder(root: Path, name: str | Path = ".", *, make: bool = False) -> Iterator[Folder]:
    """Open the folder `name` below `root`, a trusted one that must be there; `make` makes what is missing below it."""
    top = os.open(root, ON_THE_WAY)
    try:
        with Folder(root, top).folder(name, make=make) as folder:
            yield folder
    finally:
        os.close(top)


@dataclass(frozen=True)
class Folder:
    """An opened folder. Names are relative to it; `path` is for people."""

    path: Path
    descriptor: int

    @contextmanager
    def folder(self, name: str | Path, *, make: bool = False) -> Iterator[Folder]:
        """Open a folder below; `make` makes what is missing of it."""
        if make:
            self._make_folders(name)
        descriptor = self._open(name, _FOLDER)
        try:
            yield Folder(self.path / name, descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def open(self, name: str | Path) -> Iterator[BufferedReader]:
        """Open a regular file for reading."""
        descriptor = self._open(name, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not hold us up
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UntrustedFileError(self.path / name, "is not a plain file")
            with os.fdopen(descriptor, "rb", closefd=False) as handle:
                yield handle
        finally:
            os.close(descriptor)

    def read(self, name: str | Path, at_most: int) -> bytes:
        """All of a regular file, which must not be larger than `at_most` bytes."""
        with self.open(name) as handle, naming(self.path / name):
            content = handle.read(at_most + 1)
        if len(content) > at_most:
            raise UntrustedFileError(self.path / name, f"is larger than {at_most} bytes")
        return content

    def read_json(self, name: str | Path, at_most: int) -> dict[str, Any]:
        """The JSON object that a regular file holds; what is in it is for the caller to check."""
        content = self.read(name, at_most)
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise UntrustedFileError(self.path / name, "holds no JSON object")
        return found

    def holds(self, name: str | Path, sha256: str, size_bytes: int) -> bool:
        """Whether a regular file has exactly these bytes; False for anything else, and for nothing."""
        with suppress(OSError, UntrustedFileError), self.open(name) as handle:
            if os.fstat(handle.fileno()).st_size == size_bytes:
                return hashlib.file_digest(handle, "sha256").hexdigest() == sha256
        return False

    @contextmanager
    def create(self, name: str | Path, mode: int = 0o666, *, becomes: str | Path = "") -> Iterator[BufferedRandom]:
        """Write a new file, which is on the disk when the block ends; nothing may have its name yet.

        An error names what the file `becomes` where it is renamed later.
        """
        with self._at(name) as (parent, last), naming(self.path / (becomes or name)):
            descriptor = os.open(last, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode,
                                 dir_fd=parent)
            with os.fdopen(descriptor, "w+b") as handle:
                yield handle
                handle.flush()
                os.fsync(handle.fileno())

    @contextmanager
    def alone(self, name: str | Path, *, wait: bool = False) -> Iterator[None]:
        """Hold the kernel's lock on a file, which is made where it is missing, and stays.

        Raises:
            BlockingIOError: another process holds it, and this one is not to wait.
        """
        with self._at(name) as (parent, last), naming(self.path / name):
            lock = os.open(last, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666,
                           dir_fd=parent)
        try:
            take(lock, wait=wait)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def replacing(self, name: str | Path, mode: int = 0o666) -> Iterator[BufferedRandom]:
        """Write a file that gets its name when the block has ended and all of it is on the disk; else it is gone."""
        temporary = temporary_name(str(name))
        try:
            with self.create(temporary, mode, becomes=name) as handle:
                yield handle
            self.rename(temporary, name)
            self.sync(Path(name).parent)
        finally:
            with suppress(OSError):  # the error that led here says more; what stays is known by its name
                self.unlink(temporary)

    def copy(self, name: str | Path, to: str | Path) -> None:
        """A new file with the bytes of another."""
        with self.open(name) as source, self.create(to) as target:
            shutil.copyfileobj(source, target, 1 << 20)

    def link(self, name: str | Path, to: str | Path) -> None:
        """Give a file a second name, which nothing may have yet."""
        with self._at(name) as (parent, last), self._at(to) as (other, new), naming(self.path / to):
            os.link(last, new, src_dir_fd=parent, dst_dir_fd=other, follow_symlinks=False)

    def rename(self, name: str | Path, to: str | Path) -> None:
        """Give a file another name, replacing what has that name."""
        with self._at(name) as (parent, last), self._at(to) as (other, new), naming(self.path / to):
            os.replace(last, new, src_dir_fd=parent, dst_dir_fd=other)

    def status(self, name: str | Path) -> os.stat_result | None:
        """The status of what lies under this name, of a link itself; None where nothing does."""
        try:
            with self._at(name) as (parent, last), naming(self.path / name):
                return os.stat(last, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def size(self, name: str | Path) -> int | None:
        """Bytes of a regular file; None where there is none."""
        status = self.status(name)
        return status.st_size if status and stat.S_ISREG(status.st_mode) else None

    def is_file(self, name: str | Path) -> bool:
        """Whether a regular file lies under this name."""
        return self.size(name) is not None

    def names(self) -> list[str]:
        """What lies in the folder, in order."""
        with naming(self.path):
            return sorted(os.listdir(self.descriptor))

    def walk(self) -> Iterator[tuple[Path, os.stat_result]]:
        """All that lies below, folders too, with its name relative to this folder; a link is listed and not followed.

        What goes away meanwhile, cannot be read or is deeper than DEEPEST folders is left out.
        """
        waiting = [Path()]
        while waiting:
            place = waiting.pop()
            for name, status in self._entries(place):
                yield place / name, status
                if stat.S_ISDIR(status.st_mode) and len(place.parts) < DEEPEST:
                    waiting.append(place / name)

    def unlink(self, name: str | Path) -> None:
        """Remove a file or a link, not what it leads to; nothing happens where there is none."""
        with suppress(FileNotFoundError), self._at(name) as (parent, last), naming(self.path / name):
            os.unlink(last, dir_fd=parent)

    def touch(self, name: str | Path) -> None:
        """Set the time of a file, a folder or a link itself to now; nothing happens where there is none."""
        with suppress(FileNotFoundError), self._at(name) as (parent, last), naming(self.path / name):
            os.utime(last, dir_fd=parent, follow_symlinks=False)

    def rmdir(self, name: str | Path) -> None:
        """Remove an empty folder."""
        with self._at(name) as (parent, last), naming(self.path / name):
            os.rmdir(last, dir_fd=parent)

    def remove_tree(self, name: str | Path) -> None:
        """Remove a folder with all that is in it, however deep; a link in its place is removed, not what it leads to.

        Raises:
            OSError: something in it cannot be removed; all else is gone.
        """
        with suppress(FileNotFoundError), self._at(name) as (parent, last), naming(self.path / name):
            try:
                folder = os.open(last, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
            except OSError as error:
                if error.errno not in _NO_FOLDER:
                    raise
                os.unlink(last, dir_fd=parent)
                return
            try:
                _empty(folder)
            finally:
                os.close(folder)
            os.rmdir(last, dir_fd=parent)

    def give(self, uid: int, gid: int) -> None:
        """Hand the folder and what lies below it over to a user, as far as this user may do that.

        A file with a second name stays as it is: that name may be somebody else's. So do links, pipes and devices.
        """
        _hand_over(self.descriptor, uid, gid)
        for name, status in self.walk():
            if (status.st_uid, status.st_gid) != (uid, gid) and _may_be_given(status):
                with suppress(OSError, UntrustedFileError):
                    descriptor = self._open(name, os.O_RDONLY | os.O_NONBLOCK)
                    try:
                        if _may_be_given(os.fstat(descriptor)):
                            _hand_over(descriptor, uid, gid)
                    finally:
                        os.close(descriptor)

    def sync(self, name: str | Path = ".") -> None:
        """Flush a folder's entries to the disk; some network file systems refuse that for folders."""
        with suppress(OSError), self.folder(name) as folder:
            os.fsync(folder.descriptor)

    def _entries(self, place: Path) -> list[tuple[str, os.stat_result]]:
        found = []
        with suppress(OSError, UntrustedFileError), self.folder(place) as folder, os.scandir(folder.descriptor) as all_:
            for entry in all_:
                with suppress(OSError):
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
        return sorted(found, key=lambda pair: pair[0])

    def _make_folders(self, name: str | Path) -> None:
        parts = Path(name).parts
        for number, part in enumerate(parts):
            here = Path(*parts[:number + 1])
            with suppress(FileExistsError), self._at(here) as (parent, _), naming(self.path / here):
                os.mkdir(part, dir_fd=parent)

    @contextmanager
    def _at(self, name: str | Path) -> Iterator[tuple[int, str]]:
        """The descriptor of the folder in which a name lies, and its last part."""
        path = self._checked(name)
        if len(path.parts) == 1:
            yield self.descriptor, path.name
            return
        parent = self._open(path.parent, ON_THE_WAY)
        try:
            yield parent, path.name
        finally:
            os.close(parent)

    def _open(self, name: str | Path, flags: int) -> int:
        path = self._checked(name)
        with naming(self.path / path):
            return open_below(self.descriptor, path, flags)

    def _checked(self, name: str | Path) -> Path:
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or "\0" in str(path):
            raise UntrustedFileError(self.path / path, f"leads out of {self.path}")
        return path


# --- Trees -----------------------------------------------------------------------------------------------------------

def _empty(top: int) -> None:
    """Remove all that is in a folder. Deeper folders are moved up first, so no path is too long."""
    stays: dict[str, OSError] = {}
    while names := [name for name in os.listdir(top) if name not in stays]:
        for name in names:
            try:
                _remove_here(name, top)
            except FileNotFoundError:
                continue
            except OSError as error:
                stays[name] = error
    if stays:
        raise next(iter(stays.values()))


def _remove_here(name: str, top: int) -> None:
    if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=top)
        return
    folder = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=top)
    try:
        for below in os.listdir(folder):
            if stat.S_ISDIR(os.stat(below, dir_fd=folder, follow_symlinks=False).st_mode):
                os.rename(below, secrets.token_hex(16), src_dir_fd=folder, dst_dir_fd=top)
            else:
                os.unlink(below, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def _may_be_given(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)


def _hand_over(descriptor: int, uid: int, gid: int) -> None:
    with suppress(PermissionError):
        os.fchown(descriptor, uid, gid)
