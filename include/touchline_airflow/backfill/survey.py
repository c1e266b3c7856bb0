"""What did the day leave undone? Looks at the mount and the catalogue, changes nothing.

Each recording on the mount is work for the night, left alone (done, or of no concern), or broken with its reason.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, tzinfo
from pathlib import Path
from typing import Any

from touchline.catalogue import matches, recordings, runs
from touchline.catalogue.connection import now_ms
from touchline.catalogue.matches import Match
from touchline.catalogue.recordings import Look, SeenRecording
from touchline.domain.moment import elapsed_ms
from touchline.domain.run_id import is_of_a_night
from touchline.domain.text import MOST_OF_A_NAME, shown
from touchline.errors import RECORDING, STOPPED, BadRecordingError, StorageError
from touchline.settings import Settings
from touchline.sidecars.find import find_sidecars
from touchline.storage import storage_error
from touchline_airflow.backfill.dates import match_date
from touchline_airflow.backfill.night import FORGOTTEN_MS
from touchline_airflow.backfill.outdated import notes_changed, outdated
from touchline_airflow.ingest.all_recordings import matches_in
from touchline_airflow.mount.age import is_for_ingest
from touchline_airflow.mount.find import find_recordings
from touchline_airflow.mount.one_match import OneMatch

NIGHTS = 3
"""A match that failed this many nights in a row is left for a person."""

DONE, LEFT, BROKEN = "done", "left alone", "broken"


@dataclass(frozen=True)
class Work:
    """One match to be made, and why. `is_new`: its recordings were never taken, so they are checked first.

    `more`: the recordings that follow the first one.
    """

    recording: str
    day: str
    why: str
    match_id: str | None = None
    is_new: bool = False
    more: tuple[str, ...] = ()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Work:
        """The inverse of `plain`: XCom makes a list of a tuple."""
        return cls(**{**plain, "more": tuple(plain["more"])})

    def plain(self) -> dict[str, Any]:
        """For XCom."""
        return asdict(self)

    @property
    def line(self) -> str:
        """"2026-01-31 Cup final.mp4: never ingested"."""
        return f"{self.day} {self.match_id or shown(Path(self.recording).name)}: {self.why}"

    @property
    def shown_name(self) -> str:
        """"2026-01-31 Cup final.mp4", for a list."""
        return f"{self.day} {shown(Path(self.recording).name, MOST_OF_A_NAME)}"


@dataclass(frozen=True)
class Told:
    """One match that is not made, or was: DONE, LEFT or BROKEN, and the line that says why."""

    outcome: str
    match: str
    line: str


@dataclass(frozen=True)
class Wish:
    """What is asked for: also what is outdated; of these days only (None: of all); also what failed again and again."""

    outdated: bool = False
    days: tuple[date, date] | None = None
    stubborn: bool = False

    def covers(self, day: date) -> bool:
        """Whether a match of this day is meant; the second of the two days is not."""
        return self.days is None or self.days[0] <= day < self.days[1]


def survey(wish: Wish, settings: Settings, zone: tzinfo) -> tuple[list[Work], list[Told]]:
    """All work, the newest match first, and what to say about the others.

    Raises:
        StorageError: the mount is away.
        CatalogueError, ModelError: as they say.
    """
    judge = Judge(wish, settings)
    work: dict[str, Work] = {}
    told: list[Told] = []
    mount = settings.nas_mount_path.resolve()
    for path in _all_recordings(settings, are_some_known=judge.knows_some):
        try:
            day = match_date(path, mount, zone)
            found = judge(path, day) if wish.covers(day) else None
        except (OSError, StorageError) as error:
            found = Told(LEFT, path.name, f"cannot be read now: {error}")
        if isinstance(found, Work):
            work.setdefault(found.match_id or found.recording, found)
        elif found:
            told.append(found)
    for match in _several(work, settings):
        each = [work.pop(str(path), None) for path in match.paths]
        if match.fault:
            told.append(Told(BROKEN, match.paths[0].name, match.fault))
        elif each[0] and all(each):
            work[each[0].recording] = replace(each[0], more=tuple(map(str, match.paths[1:])))
        else:
            told.append(Told(LEFT, match.paths[0].name, "some recordings of its match are made already, or not meant"))
    newest_first = sorted(sorted(work.values(), key=lambda one: one.recording), key=lambda one: one.day, reverse=True)
    return newest_first, told


class Judge:
    """Says of one recording what is to be done, from the catalogue as it was when the judge was made."""

    def __init__(self, wish: Wish, settings: Settings) -> None:
        self._wish, self._settings = wish, settings
        address = settings.catalogue_address
        self._seen = recordings.every(address)
        self._matches = {match.match_id: match for match in matches.every(address)}
        self._by_recording = {one.path: match for match in self._matches.values() for one in match.sources}
        self._verdicts: dict[str, Callable[[Match], str | Told]] = {
            "registered": self._registered, "processing": self._processing, "published": self._published,
            "failed": self._failed, "bad": lambda match: Told(BROKEN, match.match_id, match.reason or "it is bad")}

    @property
    def knows_some(self) -> bool:
        """Whether there ever was a recording."""
        return bool(self._seen or self._matches)

    def __call__(self, path: Path, day: date) -> Work | Told:
        """Judge the recording of a match of this day.

        Raises:
            OSError: it is away.
        """
        row = self._seen.get(str(path))
        is_another = row is not None and not row.has_stat(Look.of(str(path), path.stat()))
        if row and row.status == "bad" and not is_another:
            return Told(BROKEN, path.name, row.reason or "it is bad")
        if row and row.status == "duplicate" and not is_another:
            return Told(LEFT, path.name, row.reason or "its content is that of another match")
        match = None if is_another else self._match(path, row)
        if match is None:
            if is_for_ingest(path, self._settings):
                return Told(LEFT, path.name, "the ingest takes it")
            return Work(str(path), day.isoformat(), "never ingested", is_new=True)
        verdict = self._verdicts[match.status](match)
        if isinstance(verdict, Told):
            return verdict
        return Work(match.recording, day.isoformat(), verdict, match.match_id)

    def _match(self, path: Path, row: SeenRecording | None) -> Match | None:
        found = self._matches.get(row.match_id) if row and row.match_id else None
        return found or self._by_recording.get(str(path.resolve()))

    def _registered(self, match: Match) -> str | Told:
        if elapsed_ms(match.updated_at_ms, now_ms()) < FORGOTTEN_MS:
            return Told(LEFT, match.match_id, "it came in and waits for its run")
        return "registered, and no run has begun"

    def _processing(self, match: Match) -> Told:
        return Told(LEFT, match.match_id, f"run {match.lease_holder or 'of the day'} works on it")

    def _published(self, match: Match) -> str | Told:
        try:
            if notes_changed(match, self._settings):
                return "its marks or match.toml have changed"
        except BadRecordingError as error:
            return Told(BROKEN, match.match_id, str(error))
        if self._wish.outdated and (changes := outdated(match, self._settings)):
            return f"outdated: {changes}"
        return Told(LEFT, match.match_id, "published and up to date" if self._wish.outdated else "published")

    def _failed(self, match: Match) -> str | Told:
        reason, address = match.reason or "it failed", self._settings.catalogue_address
        ended = [run for run in runs.of_match(address, match.match_id) if run["ended_at_ms"]]
        if match.cause == RECORDING and not self._notes_are_newer(match):
            return Told(BROKEN, match.match_id, reason)
        if not self._wish.stubborn:
            if match.cause == STOPPED:
                return Told(LEFT, match.match_id, f"{reason} (stopped: trigger it, or backfill its day)")
            if len(ended) >= NIGHTS and all(_failed_at_night(run) for run in ended[-NIGHTS:]):
                return Told(BROKEN, match.match_id, f"{reason} (in {NIGHTS} nights: trigger it, or backfill its day)")
        return f"failed: {reason}"

    def _notes_are_newer(self, match: Match) -> bool:
        """Whether somebody worked on the sidecar since the match failed: it may have failed because of that."""
        try:
            notes = find_sidecars(Path(match.recording)).values()
            return any(note.stat().st_mtime * 1000 > match.updated_at_ms for note in notes)
        except BadRecordingError:
            return False


def _several(work: Mapping[str, Work], settings: Settings) -> list[OneMatch]:
    """The matches of several recordings among those that were never ingested."""
    everything = replace(settings, ingest_since="")
    folders = sorted({Path(one.recording).parent for one in work.values() if one.is_new})
    return [match for folder in folders for match in matches_in(folder, everything)
            if (len(match.paths) > 1 or match.fault) and any(str(path) in work for path in match.paths)]


def _failed_at_night(run: dict[str, Any]) -> bool:
    return run["status"] == "failed" and is_of_a_night(str(run["run_id"]))


def _all_recordings(settings: Settings, *, are_some_known: bool) -> Iterator[Path]:
    """Every recording, however old.

    Raises:
        StorageError: the mount is away: the folder is empty, and it was not so before.
    """
    found = False
    for path in find_recordings(replace(settings, ingest_since="")):
        found = True
        yield path
    mount = settings.nas_mount_path
    if not found and are_some_known and not (mount.is_dir() and any(mount.iterdir())):
        raise storage_error(errno.ENOENT, mount, writes=False)
