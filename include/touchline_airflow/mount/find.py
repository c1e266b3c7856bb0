"""Which files on the mount are recordings, by name and place?"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from touchline.errors import SettingError
from touchline.settings import Settings
from touchline_airflow.mount.age import is_new_enough, since_s
from touchline_airflow.mount.kept_folders import is_kept, lies_in_kept
from touchline_airflow.mount.suffixes import Kind, kind_of


def find_recordings(settings: Settings) -> Iterator[Path]:
    """Every file below the mount that may be a recording, by its name and place.

    Left out: the output folder, dot files and folders, what a NAS or a camera keeps for itself, partial files, links
    to folders, links that lead out of the mount or into what is left out, names that are not UTF-8, and what is older
    than INGEST_SINCE by a clock that was set.
    """
    return (path for path, kind in _find_videos(settings) if kind is Kind.RECORDING)


def recordings_in(folder: Path, settings: Settings) -> list[Path]:
    """Those of `find_recordings` that lie in this folder itself.

    Raises:
        OSError: it is away.
    """
    mount, output = watched_folders(settings)
    since = since_s(settings.ingest_since)
    return [path for path, kind in _videos_in(folder, sorted(os.listdir(folder)), (mount, output, since))
            if kind is Kind.RECORDING]


def find_foreign(settings: Settings) -> Iterator[Path]:
    """Every video in the same places that is not taken, because touchline does not read its format."""
    return (path for path, kind in _find_videos(settings) if kind is Kind.FOREIGN)


def watched_folders(settings: Settings) -> tuple[Path, Path]:
    """Mount and output folder, resolved.

    Raises:
        SettingError: the mount is the output or lies in it, so that no recording could be told from our own files.
    """
    mount, output = settings.nas_mount_path.resolve(), settings.nas_output_path.resolve()
    if mount.is_relative_to(output):
        raise SettingError(f"NAS_OUTPUT_PATH={output} holds NAS_MOUNT_PATH={mount}: name a folder of its own")
    return mount, output


def _find_videos(settings: Settings) -> Iterator[tuple[Path, Kind]]:
    mount, output = watched_folders(settings)
    since = since_s(settings.ingest_since)
    for folder, folders, names in os.walk(mount):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and here / name != output
                            and not is_kept((here / name).relative_to(mount)))
        yield from _videos_in(here, sorted(names), (mount, output, since))


def _videos_in(folder: Path, names: Iterable[str],
               wanted: tuple[Path, Path, float | None]) -> Iterator[tuple[Path, Kind]]:
    mount, output, since = wanted
    for name in names:
        path, kind = folder / name, kind_of(name)
        if kind is not Kind.OTHER and _is_inside(path, mount, output) and is_new_enough(path, since):
            yield path, kind


def _is_inside(path: Path, mount: Path, output: Path) -> bool:
    try:
        real = path.resolve(strict=True) if path.is_symlink() else path
        is_ours = real.is_relative_to(mount) and not real.is_relative_to(output)
        return is_ours and real.is_file() and not lies_in_kept(real.relative_to(mount))
    except (OSError, RuntimeError):
        return False
