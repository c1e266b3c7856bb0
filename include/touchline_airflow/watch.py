"""Which recordings on the mount stand still and should be checked now? No airflow in here; nothing opens media."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from touchline.catalogue import recordings
from touchline.catalogue.connection import now_ms
from touchline.catalogue.recordings import Look, SeenRecording
from touchline.settings import Settings
from touchline_airflow.mount.find import find_recordings

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


def _tail_digest(path: Path, size: int) -> str:
    with path.open("rb") as handle:
        handle.seek(max(0, size - TAIL_BYTES))
        return hashlib.sha256(handle.read(TAIL_BYTES)).hexdigest()
