"""Is a recording gone from the mount? Only what the mount itself says counts: one that is away says nothing."""

from __future__ import annotations

import os
from pathlib import Path

from touchline.settings import Settings
from touchline_airflow.mount.kept_folders import lies_in_kept


def is_gone(path: Path, settings: Settings) -> bool:
    """Whether a file is not there although its folder, or the nearest one above it that is left, could be read.

    One that lies in a recycle bin or in another folder of the NAS's own is gone, too. Below a mount that is away, which
    is an empty folder, nothing is.
    """
    mount = settings.nas_mount_path.resolve()
    is_ours = path.is_relative_to(mount)
    if is_ours and lies_in_kept(path.relative_to(mount)):
        return True
    try:
        os.stat(path)
        return False
    except (FileNotFoundError, NotADirectoryError):
        return _can_be_read(path) and (not is_ours or _holds_something(mount))
    except OSError:
        return False


def _can_be_read(path: Path) -> bool:
    for folder in path.parents:
        try:
            _holds_something_or_raises(folder)
            return True
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return False
    return False


def _holds_something(folder: Path) -> bool:
    try:
        return _holds_something_or_raises(folder)
    except OSError:
        return False


def _holds_something_or_raises(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is not None
