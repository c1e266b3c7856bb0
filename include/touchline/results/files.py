"""How are the files of a match read and written: all of one or nothing, and never through a link?

Names are whole paths here; `touchline.domain.layout` knows below which folder of a setting each lies, and
`touchline.beneath` opens it below that folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any

from touchline.beneath.folder import Folder, is_temporary, open_folder
from touchline.domain.layout import work_root
from touchline.errors import UntrustedFileError
from touchline.storage import writing


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON so that the final name holds all of it or is not there."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write text so that the final name holds all of it or is not there."""
    with replacing(path) as handle:
        handle.write(text.encode())


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[BufferedRandom]:
    """Give a new file to write to, which gets the name `path` when the block has ended well; else nothing is left.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
        UntrustedFileError: a folder on the way is a link.
    """
    with writing(path), folder_of(path, make=True) as folder, folder.replacing(path.name, mode) as handle:
        yield handle


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Open a plain file of a match for reading; no part of its name below the folder of a setting may be a link.

    Raises:
        UntrustedFileError: it is something else.
    """
    with folder_of(path) as folder, folder.open(path.name) as handle:
        yield handle


def is_there(path: Path) -> bool:
    """Whether a plain file of a match lies there."""
    with contextlib.suppress(OSError, UntrustedFileError), folder_of(path) as folder:
        return folder.is_file(path.name)
    return False


def holds(path: Path, sha256: str, size_bytes: int) -> bool:
    """Whether a plain file has exactly these bytes."""
    with contextlib.suppress(OSError, UntrustedFileError), folder_of(path) as folder:
        return folder.holds(path.name, sha256, size_bytes)
    return False


def remove_leftovers(path: Path) -> None:
    """Remove what a killed attempt left beside `path`: its temporary files."""
    with contextlib.suppress(FileNotFoundError), folder_of(path) as folder:
        for name in folder.names():
            if is_temporary(name, of=path.name):
                folder.unlink(name)


def remove_tree(folder: Path) -> None:
    """Remove a folder of a match with all that is in it; what cannot be removed stays."""
    with contextlib.suppress(OSError, UntrustedFileError), folder_of(folder) as parent:
        parent.remove_tree(folder.name)


@contextlib.contextmanager
def folder_of(path: Path, *, make: bool = False) -> Iterator[Folder]:
    """Open the folder in which a file of a match lies; below the folder of a setting nothing on its way may be a link.

    Raises:
        UntrustedFileError: something is.
    """
    root = work_root(path)
    if make:
        root.mkdir(parents=True, exist_ok=True)
    with open_folder(root, path.parent.relative_to(root), make=make) as folder:
        yield folder


def file_digest(path: Path) -> str:
    """Hex sha256 of a file's bytes, read in pieces."""
    with opened(path) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
