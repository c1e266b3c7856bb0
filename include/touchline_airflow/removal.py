"""How does a file go, and nothing else? Below a folder that is given, never through a link."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_file(root: Path, path: Path) -> int:
    """Remove the plain file `root / path`; returns its bytes, 0 where it is gone or is no plain file any more.

    No part of `path` may be a link: folders are opened one by one, so that none can be exchanged meanwhile.

    Raises:
        OSError: the folder cannot be written, or a part of the path is a link.
    """
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{path} leads out of {root}")
    with _opened(root, path.parent) as folder:
        if folder is None:
            return 0
        try:
            status = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return 0
        if not stat.S_ISREG(status.st_mode):
            return 0
        os.unlink(path.name, dir_fd=folder)
        return status.st_size


def remove_empty_folders(root: Path, path: Path) -> None:
    """Remove the folder `root / path` and those below it that hold nothing; the others stay."""
    for folder, _, _ in os.walk(root / path, topdown=False):
        with contextlib.suppress(OSError):
            if not os.path.islink(folder):
                os.rmdir(folder)


def plain_files(root: Path, path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every plain file below `root / path`, relative to root; links are not followed and not named.

    Nothing where `root / path` is a link or not there.
    """
    if (root / path).is_symlink():
        return
    for folder, _, names in os.walk(root / path):
        for name in sorted(names):
            file = Path(folder, name)
            with contextlib.suppress(FileNotFoundError):
                status = file.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield file.relative_to(root), status


@contextlib.contextmanager
def _opened(root: Path, folder: Path) -> Iterator[int | None]:
    with contextlib.ExitStack() as stack:
        here = os.open(root.resolve(), _FOLDER)
        stack.callback(os.close, here)
        for part in folder.parts:
            try:
                here = os.open(part, _FOLDER, dir_fd=here)
            except FileNotFoundError:
                yield None
                return
            stack.callback(os.close, here)
        yield here
