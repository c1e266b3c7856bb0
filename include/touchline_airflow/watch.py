"""Which files on the mount are recordings, and which of them stand still? No airflow in here; nothing opens media."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from touchline.catalogue import recordings
from touchline.catalogue.connection import now_ms
from touchline.catalogue.recordings import Look, SeenRecording
from touchline.errors import SettingError
from touchline.settings import Settings

VIDEO_SUFFIXES = frozenset((".mp4", ".mov", ".m4v", ".mkv", ".ts", ".mts", ".m2ts", ".avi", ".webm", ".flv", ".mpg"))
PARTIAL_ENDINGS = (".part", ".tmp", ".crdownload", "~")
TAIL_BYTES = 1 << 20
LONGEST_RECHECK_MS = 60_000

log = logging.getLogger(__name__)


def find_due(settings: Settings, moment_ms: int | None = None) -> list[str]:
    """Look at the mount once; returns the recordings that should be checked now, in order of their names.

    A recording is due when it is not yet known to be good or bad, its size, mtime and last MiB were the same at two
    looks that lie WATCH_STABLE_TIME_SEC apart, and its last check is as long ago: the check, and only the check,
    sees through a copy whose size is final and whose mtime is frozen while data still arrives.
    """
    moment = now_ms() if moment_ms is None else moment_ms
    known = recordings.every(settings.catalogue_address)
    looks = [look for path in find_recordings(settings) if (look := take_look(path, known.get(str(path))))]
    rows = recordings.note_looks(settings.catalogue_address, looks, moment)
    return sorted(row.path for row in rows if _is_due(row, moment, settings.watch_stable_time_sec * 1000))


def find_recordings(settings: Settings) -> Iterator[Path]:
    """Every file below the mount that may be a recording, by its name and place.

    Left out: the output folder, dot files and folders, partial files, links to folders, links that lead out of the
    mount or into the output, names that are not UTF-8, and what is older than INGEST_SINCE.
    """
    mount, output = watched_folders(settings)
    since = _since(settings.ingest_since)
    for folder, folders, names in os.walk(mount):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and Path(folder, name) != output)
        for name in sorted(names):
            path = Path(folder, name)
            if _is_video_name(name) and _is_inside(path, mount, output) and _is_new_enough(path, since):
                yield path


def is_for_ingest(path: Path, settings: Settings) -> bool:
    """Whether the ingest takes a recording: it is not older than INGEST_SINCE."""
    return _is_new_enough(path, _since(settings.ingest_since))


def watched_folders(settings: Settings) -> tuple[Path, Path]:
    """Mount and output folder, resolved.

    Raises:
        SettingError: the mount is the output or lies in it, so that nothing could be told from our own files.
    """
    mount, output = settings.nas_mount_path.resolve(), settings.nas_output_path.resolve()
    if mount.is_relative_to(output):
        raise SettingError(f"NAS_OUTPUT_PATH={output} holds NAS_MOUNT_PATH={mount}: name a folder of its own")
    return mount, output


def take_look(path: Path, known: SeenRecording | None) -> Look | None:
    """Size, mtime and the digest of the last MiB; None when the file cannot be read now, which means "not yet".

    The tail of a recording that was taken is not read again: thousands of them may lie on the mount.
    """
    try:
        status = path.stat()
        is_taken = known is not None and known.status in ("registered", "duplicate")
        tail = "" if is_taken else _tail_digest(path, status.st_size)
    except OSError as error:
        log.info("%s cannot be read now: %s", path, error)
        return None
    return Look(str(path), status.st_size, status.st_mtime_ns, tail)


def _is_due(row: SeenRecording, moment_ms: int, stable_ms: int) -> bool:
    """A recording that stays incomplete is checked ever more seldom, down to once a minute."""
    if row.status != "waiting" or moment_ms - row.still_since_ms < stable_ms:
        return False
    if row.checked_at_ms is None:
        return True
    pause_ms = min((row.checked_at_ms - row.still_since_ms) // 4, LONGEST_RECHECK_MS)
    return moment_ms - row.checked_at_ms >= max(stable_ms, pause_ms)


def _is_video_name(name: str) -> bool:
    if name.startswith(".") or name.lower().endswith(PARTIAL_ENDINGS):
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        log.warning("%r is not a UTF-8 name: rename it, it is left alone until then", name)
        return False
    return Path(name).suffix.lower() in VIDEO_SUFFIXES


def _is_inside(path: Path, mount: Path, output: Path) -> bool:
    try:
        real = path.resolve(strict=True) if path.is_symlink() else path
        return real.is_file() and real.is_relative_to(mount) and not real.is_relative_to(output)
    except (OSError, RuntimeError):
        return False


def _is_new_enough(path: Path, since: float | None) -> bool:
    try:
        return since is None or path.stat().st_mtime >= since
    except OSError:
        return False


def _since(text: str) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(f"INGEST_SINCE={text!r} is not an ISO date: write 2026-08-01") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _tail_digest(path: Path, size: int) -> str:
    with path.open("rb") as handle:
        handle.seek(max(0, size - TAIL_BYTES))
        return hashlib.sha256(handle.read(TAIL_BYTES)).hexdigest()
