"""Which setting names the folder whose storage failed?"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from touchline.errors import StorageError
from touchline.settings import Settings
from touchline.storage import STORAGE_ERRNOS, path_of, storage_error

_FOLDERS = ("working_dir", "scratch_dir", "nas_output_path", "nas_mount_path")
_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@contextmanager
def naming_folders(settings: Settings) -> Iterator[None]:
    """Have every error of the storage inside the block name the setting, as in "WORKING_DIR (/work) is full: …"."""
    try:
        yield
    except StorageError as error:
        raise _named(error, settings) from error
    except OSError as error:
        path = path_of(error)
        if error.errno not in STORAGE_ERRNOS or path is None:
            raise
        raise _named(storage_error(error.errno, path, writes=error.errno in _WRITTEN), settings) from error


def place_name(path: Path, settings: Settings) -> str:
    """"WORKING_DIR (/work)" for anything below it; the innermost folder counts; empty for any other path."""
    found = [(name, folder) for name in _FOLDERS if path.is_relative_to(folder := getattr(settings, name))]
    if not found:
        return ""
    name, folder = max(found, key=lambda pair: len(pair[1].parts))
    return f"{name.upper()} ({folder})"


def _named(error: StorageError, settings: Settings) -> StorageError:
    return StorageError(error.path, error.state, error.advice, reason=error.reason,
                        place=place_name(error.path, settings))
