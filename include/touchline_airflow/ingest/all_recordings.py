"""Which matches have all their recordings? A recording that was checked waits for the others of its match."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from touchline.catalogue import recordings
from touchline.catalogue.connection import now_ms
from touchline.catalogue.recordings import SeenRecording
from touchline.domain.moment import elapsed_ms
from touchline.domain.text import shown
from touchline.errors import StorageError
from touchline.settings import Settings
from touchline.sidecars.find import DONE, match_notes
from touchline_airflow.ingest.growing import may_go_on_later
from touchline_airflow.mount.find import recordings_in
from touchline_airflow.mount.one_match import OneMatch, find_matches

log = logging.getLogger(__name__)
USABLE = "taken as far as it decodes"
"""So begins the reason of a recording that is whole, but for its end; it stays while it waits."""
SOON_SEC = 300
"""A match that waited long enough is made within this time."""
LONGEST_MS = 6 * 3_600_000
"""No match of several recordings is longer, with extra time and all that was filmed around it."""


def complete_matches(settings: Settings) -> Iterator[OneMatch]:
    """Each match of which all recordings are checked, at least one of them since it was made last.

    What a match waits for is written down as the reason of its recordings. Of a folder that is away nothing is said.
    """
    known = recordings.every(settings.catalogue_address)
    for folder in sorted({Path(row.path).parent for row in known.values() if row.status == "complete"}):
        for match in _seen_in(folder, settings):
            mine = [row for path in match.paths if (row := known.get(str(path))) and row.status == "complete"]
            if not mine:
                continue
            reason = _waits_for(match, known, settings)
            if reason is None:
                yield match
                continue
            for row in mine:
                if row.reason != reason and not (row.reason or "").startswith(USABLE):
                    recordings.update(settings.catalogue_address, row.path, reason=reason)


def some_wait(settings: Settings) -> bool:
    """Whether a recording waits for others of its match, and may be through with that soon."""
    soon_ms = 1000 * (settings.watch_more_sec + SOON_SEC)
    return any(row.status == "complete" and elapsed_ms(row.still_since_ms, now_ms()) < soon_ms
               for row in recordings.every(settings.catalogue_address).values())


def matches_in(folder: Path, settings: Settings) -> list[OneMatch]:
    """The matches of one folder on the mount.

    Raises:
        OSError, StorageError: it is away.
    """
    return find_matches(recordings_in(folder, settings), match_notes(folder), settings.nas_mount_path.resolve(),
                      by_folder=settings.matches_by == "folder", written_s=lambda path: path.stat().st_mtime)


def _seen_in(folder: Path, settings: Settings) -> list[OneMatch]:
    try:
        return matches_in(folder, settings)
    except (OSError, StorageError) as error:
        log.info("%s", shown(f"{folder} cannot be read now: {error}"))
        return []


def _waits_for(match: OneMatch, known: Mapping[str, SeenRecording], settings: Settings) -> str | None:
    """One line, for a person; None where nothing is missing."""
    if match.fault:
        return match.fault
    rows = [known.get(str(path)) for path in match.paths]
    for path, row in zip(match.paths, rows, strict=True):
        if row is None or row.status == "waiting":
            return f"{shown(path.name)}, of the same match, is not complete yet"
        if row.status == "bad":
            return f"{shown(path.name)}, of the same match, is bad: {row.reason}"
    length_ms = sum(row.duration_ms or 0 for row in rows if row)
    if len(rows) > 1 and length_ms > LONGEST_MS:
        return (f"with {shown(match.paths[-1].name)} this match would be {length_ms / 3_600_000:.1f} hours long: give "
                "each match a folder of its own")
    return _may_follow(match, max(row.still_since_ms for row in rows if row), settings)


def _may_follow(match: OneMatch, newest_ms: int, settings: Settings) -> str | None:
    """Why more of a match may come, unless that was too long ago or somebody says that all is there."""
    still_s = elapsed_ms(newest_ms, now_ms()) / 1000
    if still_s >= settings.watch_more_sec or (match.paths[0].parent / DONE).exists():
        return None
    if match.may_grow:
        return f"more recordings of the same match may follow: it is made {settings.watch_more_sec} s after the last"
    if any(may_go_on_later(path, settings) for path in match.paths):
        return f"its recorder may only pause: it is made when nothing has come for {settings.watch_more_sec} s"
    return None
