"""Which rows of the catalogue belong to recordings that went long ago? The watch reads all rows at each look."""

from __future__ import annotations

from pathlib import Path

from touchline.catalogue import matches, recordings
from touchline.catalogue.connection import now_ms
from touchline.catalogue.recordings import SeenRecording
from touchline.domain.layout import MatchFolder
from touchline.domain.moment import elapsed_ms
from touchline.settings import Settings
from touchline_airflow.books.failure_note import remove_failure
from touchline_airflow.mount.gone import is_gone

_DAY_MS = 86_400_000


def forget_vanished(settings: Settings, keep_days: int, moment_ms: int | None = None) -> int:
    """Forget recordings that were gone at every look for `keep_days`; returns how many.

    Nothing is made twice for that: one that comes back is known by its content. What the NAS has about a bad one
    (`FAILED.txt`) goes with its row.

    Raises:
        StorageError: the output folder cannot be written.
    """
    address, moment = settings.catalogue_address, now_ms() if moment_ms is None else moment_ms
    since: dict[str, int | None] = {}
    old: list[SeenRecording] = []
    for row in recordings.every(address).values():
        missed = moment if row.gone_since_ms is None else row.gone_since_ms
        gone_since = missed if is_gone(Path(row.path), settings) else None
        if gone_since is not None and elapsed_ms(gone_since, moment) >= keep_days * _DAY_MS:
            old.append(row)
        elif gone_since != row.gone_since_ms:
            since[row.path] = gone_since
    for row in old:
        if row.status == "bad" and row.match_id and not matches.find(address, row.match_id):
            remove_failure(MatchFolder(settings.nas_output_path, row.match_id))
    recordings.note_gone(address, since)
    recordings.forget(address, [row.path for row in old])
    return len(old)
