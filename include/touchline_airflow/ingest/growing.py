"""Which recordings are looked at while they are written, and what becomes of their provisional matches?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from touchline.catalogue import matches, recordings
from touchline.catalogue.connection import now_ms
from touchline.catalogue.matches import Match, Source
from touchline.catalogue.recordings import SeenRecording
from touchline.domain.layout import WorkFiles
from touchline.domain.moment import elapsed_ms
from touchline.domain.text import shown
from touchline.errors import BadRecordingError, StorageError
from touchline.results.files import is_there
from touchline.results.fingerprint import fingerprint, match_fingerprint
from touchline.results.growing import chapter_name, growing_match_id, load_growing, remove_provisional
from touchline.settings import Settings
from touchline.sidecars.find import match_notes
from touchline.sidecars.read import MOST, noted_live
from touchline.video.growing import can_grow, may_go_on
from touchline_airflow.mount.gone import is_gone

GROWING_SEC = 60
"""A recording that has not changed for this time does not grow any more, or pauses."""


def find_growing(settings: Settings) -> list[str]:
    """Recordings of which enough has come for another chapter, and whose provisional match nobody works on.

    They have just grown, or stand still and may only pause.
    """
    address, moment = settings.catalogue_address, now_ms()
    seen = [row for row in recordings.every(address).values()
            if (row.status == "complete" or (row.status == "waiting" and
                                             elapsed_ms(row.still_since_ms, moment) < GROWING_SEC * 1000))
            and elapsed_ms(row.first_seen_ms, moment) >= settings.live_chapter_sec * 1000]
    return [row.path for row in seen if _is_due(row, settings)]


def register_chapters(recording: Path, settings: Settings) -> str | None:
    """Write what was cut from a recording as its provisional match, or open that again; returns its id.

    None where nothing was cut. By the names that chapters have and by what they hold, whatever the step wrote down.
    """
    match_id = growing_match_id(recording)
    if match_id is None:
        return None
    address, files = settings.catalogue_address, WorkFiles(settings.working_dir, match_id)
    match = matches.find(address, match_id)
    sources = tuple(_chapters(recording, files, match))
    if not sources:
        return None
    content, length_ms = match_fingerprint([one.fingerprint for one in sources]), _length_ms(recording, files)
    if match is None:
        match = matches.register(address, match_id, content, sources[0].path, sources)
        matches.update(address, match_id, duration_ms=length_ms)
    elif match.fingerprint != content:
        matches.reopen(address, match, content, sources, length_ms)
    return match_id


def end_provisional_matches(settings: Settings, say: Callable[[str], None]) -> None:
    """Take back the provisional matches of recordings that are complete and published, bad or gone.

    One that a run holds is left to the next look.
    """
    for match in matches.every(settings.catalogue_address):
        if match.is_provisional and match.lease_holder is None and (over := _why_over(match, settings)):
            made, reason = over
            remove_provisional(match.match_id, settings)
            matches.absorb(settings.catalogue_address, match, made)
            say(shown(f"{match.match_id} is taken back: {reason}"))


def may_go_on_later(path: Path, settings: Settings) -> bool:
    """Whether a recording that stands still may only pause: one that is looked at while it is written, without an end.

    False where it cannot be read now.
    """
    try:
        return _is_live(path, settings) and may_go_on(path)
    except (OSError, StorageError, BadRecordingError):
        return False


def _is_due(row: SeenRecording, settings: Settings) -> bool:
    path, can_be_cut = Path(row.path), may_go_on if row.status == "complete" else can_grow
    try:
        return _is_live(path, settings) and _has_grown(row, settings) and can_be_cut(path)
    except (OSError, StorageError, BadRecordingError):
        return False


def _is_live(path: Path, settings: Settings) -> bool:
    return settings.live == "true" or any(map(noted_live, match_notes(path.parent)))


def _has_grown(row: SeenRecording, settings: Settings) -> bool:
    """Enough came for the next chapter, and no run is at work."""
    match_id = growing_match_id(Path(row.path))
    if match_id is None:
        return False
    match = matches.find(settings.catalogue_address, match_id)
    if match and (match.lease_holder is not None or match.status in ("registered", "processing")):
        return False
    growing = load_growing(WorkFiles(settings.working_dir, match_id), Path(row.path))
    return len(growing.chapters) < MOST["recordings"] and growing.is_due(row.size_bytes, settings)


def _chapters(recording: Path, files: WorkFiles, match: Match | None) -> list[Source]:
    """Those that lie there in a row; what the catalogue knows of the first ones stays."""
    known = {one.path: one for one in match.sources} if match else {}
    found = []
    for number in range(1, MOST["recordings"] + 1):
        path = files.chapter(chapter_name(recording, number))
        if not is_there(path):
            break
        found.append(known.get(str(path)) or Source(str(path), fingerprint(path)))
    return found


def _length_ms(recording: Path, files: WorkFiles) -> int:
    return round(load_growing(files, recording).length_s * 1000)


def _why_over(match: Match, settings: Settings) -> tuple[str | None, str] | None:
    """The match that was made of the whole recording, if any, and why the provisional one ends; None: it goes on."""
    try:
        row = _recording_of(match, settings)
    except StorageError:
        return None
    if row is None:
        return None, "its recording is gone or was replaced"
    if row.status == "bad":
        return None, f"its recording is bad: {row.reason}"
    whole = matches.find(settings.catalogue_address, row.match_id) if row.match_id else None
    if row.status in ("registered", "duplicate") and whole and whole.status == "published":
        return whole.match_id, f"{whole.match_id} is made of the whole recording"
    return None


def _recording_of(match: Match, settings: Settings) -> SeenRecording | None:
    """The recording whose chapters these are, told by its name and its content; None where none on the mount is it.

    Raises:
        StorageError: one that may be it cannot be read now.
    """
    for row in recordings.every(settings.catalogue_address).values():
        path = Path(row.path)
        is_named = Path(match.recording).name == chapter_name(path, 1)
        if is_named and not is_gone(path, settings) and growing_match_id(path) == match.match_id:
            return row
    return None
