"""Which recordings on the mount stand still and should be checked now? Nothing opens media."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

from touchline.catalogue import clock, recordings
from touchline.catalogue.connection import now_ms
from touchline.catalogue.recordings import Look, SeenRecording
from touchline.domain.moment import elapsed_ms
from touchline.domain.text import shown
from touchline.results.fingerprint import without_waiting
from touchline.settings import Settings
from touchline_airflow.mount.find import find_recordings

TAIL_BYTES = 1 << 20
LONGEST_RECHECK_MS = 60_000

log = logging.getLogger(__name__)


def find_due(settings: Settings, moment_ms: int | None = None) -> list[str]:
    """Look at the mount once; returns the recordings that should be checked now, those first that never were.

    A recording is due when it is not yet known to be good or bad, its size, mtime and last MiB were the same at two
    looks that lie WATCH_STABLE_TIME_SEC apart, and its last check is as long ago: the check, and only the check,
    sees through a copy whose size is final and whose mtime is frozen while data still arrives.
    """
    moment = now_ms() if moment_ms is None else moment_ms
    address, stable_ms = settings.catalogue_address, settings.watch_stable_time_sec * 1000
    if ahead := clock.bring_back(address, moment):
        log.warning("The clock was set back: %d moments in the catalogue lay in the future and count as now", ahead)
    known = recordings.every(address)
    looks = []
    for path in find_recordings(settings):
        row = known.get(str(path))
        if look := take_look(path, row, closely=row is not None and _is_due(row, moment, stable_ms)):
            looks.append(look)
    rows = recordings.note_looks(address, looks, moment, known)
    due = (row for row in rows if _is_due(row, moment, stable_ms))
    return [row.path for row in sorted(due, key=lambda row: (row.checked_at_ms or 0, row.path))]


def take_look(path: Path, known: SeenRecording | None, *, closely: bool = False) -> Look | None:
    """Size, times and the digest of the last MiB; None when the file cannot be read now, which means "not yet".

    The tail is read of a file that is new or is not as it was known, and where somebody wants to look closely: not of
    thousands of others at every look.
    """
    try:
        look = Look.of(str(path), path.stat())
        if closely or known is None or not _stands(known, look):
            look = replace(look, tail_digest=_tail_digest(path, look.size_bytes))
    except OSError as error:
        log.info("%s", shown(f"{path} cannot be read now: {error}"))
        return None
    return look


def _stands(known: SeenRecording, look: Look) -> bool:
    """Whether nothing speaks for a change; of a bad one, which nobody checks again by itself, the ctime as well."""
    return known.has_stat(look) and (known.status != "bad" or known.has_ctime(look))


def _is_due(row: SeenRecording, moment_ms: int, stable_ms: int) -> bool:
    """A recording that stays incomplete is checked less and less often, down to once a minute."""
    if row.status != "waiting" or elapsed_ms(row.still_since_ms, moment_ms) < stable_ms:
        return False
    if row.checked_at_ms is None:
        return True
    pause_ms = min((row.checked_at_ms - row.still_since_ms) // 4, LONGEST_RECHECK_MS)
    return elapsed_ms(row.checked_at_ms, moment_ms) >= max(stable_ms, pause_ms)


def _tail_digest(path: Path, size: int) -> str:
    with open(path, "rb", opener=without_waiting) as handle:
        handle.seek(max(0, size - TAIL_BYTES))
        return hashlib.sha256(handle.read(TAIL_BYTES)).hexdigest()
