"""Does it fit? What WORKING_DIR and SCRATCH_DIR may hold, what a match needs there, and the line for one that waits."""

from __future__ import annotations

import contextlib
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from touchline.catalogue import matches
from touchline.catalogue.failures import columns_of
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.domain.step_table import Need, step_named
from touchline.errors import EXIT_STORAGE, DamagedResultError, Failure, TouchlineError, UntrustedFileError, UsageError
from touchline.results.files import folder_of
from touchline.results.request import Request, load_request
from touchline.results.result import reading_result
from touchline.settings import Settings
from touchline_airflow.books.failure_note import write_failure
from touchline_airflow.deployment import DeploymentSettings

CLIP_TIMES = 2.2
"""A clip's bytes per second to the recording's. CRF 20 is larger where the recording was pressed hard: measured 2.1 for
a simulated match at 1280x720 with 1.9 Mb/s; footage of a camera with 8 Mb/s and more gives less than 1."""
WORKING_PART = 0.5
"""What a match leaves in WORKING_DIR to the size of its recordings. That is mostly its reels, about a fifth of 90
minutes (40 clips of 20 s, 15 more for the keeper) at CLIP_TIMES; the results beside them are less than a hundredth."""
CLIP_SOUND_BYTES_PER_SEC = 192_000
"""Clips hold PCM: 48 kHz, two channels, 16 bits."""
COPIES_OF_CLIPS = 2
"""The clips, and the reel that they are joined to."""
LEAST_BYTES = 1_000_000
"""For the small files of a step in SCRATCH_DIR that has no clips."""
_GB = 1_000_000_000


class NoSpaceYetError(TouchlineError):
    """It does not fit now; it will when something else is gone."""

    exit_code = EXIT_STORAGE


@dataclass(frozen=True)
class Room:
    """One of our folders: how much more fits into it now, its budget (0: what the disk has), and which is shorter."""

    setting: str
    folder: Path
    free_bytes: int
    budget_bytes: int
    is_short_of_budget: bool

    @property
    def name(self) -> str:
        """"WORKING_DIR (/work)"."""
        return f"{self.setting} ({self.folder})"

    @property
    def variable(self) -> str:
        """"WORKING_BUDGET_GB"."""
        return self.setting.replace("_DIR", "_BUDGET_GB")

    @property
    def limit(self) -> str:
        """What stops it: the budget, or the disk."""
        return f"{self.variable}={self.budget_bytes / _GB:g}" if self.is_short_of_budget else "MIN_FREE_GB of its disk"


def require_working(request: Request, settings: Settings, deployment: DeploymentSettings) -> None:
    """Let a match be opened only if it fits into WORKING_DIR beside what others that are being made will still take.

    Raises:
        NoSpaceYetError, UsageError: as `require`.
        OSError: a recording is away.
    """
    others = [match.match_id for match in matches.leased(settings.catalogue_address)
              if match.match_id != request.match_id]
    room = _room("WORKING_DIR", settings.working_dir, deployment.working_budget_gb, deployment.min_free_gb,
                 promised=sum(_working_promise(match_id, settings) for match_id in others))
    needed = match_need(request.recordings)
    there = used_bytes(WorkFiles(settings.working_dir, request.match_id).root)
    require(room, request.match_id, needed, there)


def working_room(settings: Settings, deployment: DeploymentSettings) -> Room:
    """WORKING_DIR as it is now."""
    return _room("WORKING_DIR", settings.working_dir, deployment.working_budget_gb, deployment.min_free_gb)


def require_scratch(match_id: str, step: str, settings: Settings, deployment: DeploymentSettings) -> None:
    """Let a step work only if what its match will take in SCRATCH_DIR of this host fits beside the others' clips.

    The reels of a match are counted together: its first one must not take the room that the second waits for.

    Raises:
        NoSpaceYetError, UsageError: as `require`.
    """
    has_clips = Need.CLIPS in step_named(step).needs
    others = [match.match_id for match in matches.leased(settings.catalogue_address) if match.match_id != match_id
              and _clips(match.match_id, settings).is_dir()] if has_clips else []
    room = _room("SCRATCH_DIR", settings.scratch_dir, deployment.scratch_budget_gb, deployment.min_free_gb,
                 promised=sum(_scratch_promise(other, settings) for other in others))
    needed = clips_need(match_id, settings) if has_clips else 0
    there = used_bytes(_clips(match_id, settings)) if needed else 0
    require(room, f"{step} of {match_id}", max(needed, LEAST_BYTES), there)


def copy_fits(match_id: str, settings: Settings, deployment: DeploymentSettings) -> bool:
    """Whether a copy of the recordings fits into SCRATCH_DIR; without one the steps read the NAS."""
    room = _room("SCRATCH_DIR", settings.scratch_dir, deployment.scratch_budget_gb, deployment.min_free_gb)
    try:
        return size_of(load_request(match_id, settings).recordings) <= room.free_bytes
    except (TouchlineError, OSError):
        return True  # the copy itself says what is wrong


def require(room: Room, what: str, needed_bytes: int, there_bytes: int = 0) -> None:
    """Let `what` go on only if it fits; `there_bytes` of it lie there already.

    Raises:
        NoSpaceYetError: it has to wait; the line says for how much.
        UsageError: it never fits into the budget.
    """
    if room.budget_bytes and needed_bytes > room.budget_bytes:
        raise UsageError(f"{what} needs about {shown(needed_bytes)} in {room.name}, and {room.variable} allows "
                         f"{shown(room.budget_bytes)} in all: raise it, then clear the task")
    more = max(0, needed_bytes - there_bytes)
    if more > room.free_bytes:
        raise NoSpaceYetError(f"waiting for space: {what} needs about {shown(more)} more in {room.name}, which has "
                              f"{shown(max(0, room.free_bytes))} left within {room.limit}; free some, or let the "
                              "DAG retention do it")


def note_waiting(match_id: str, why: Failure, settings: Settings) -> None:
    """Let the catalogue say why a match is not begun; one that is published stays as it is."""
    match = matches.find(settings.catalogue_address, match_id)
    if match and match.status != "published" and match.failure != why:
        matches.update(settings.catalogue_address, match_id, **columns_of(why))


def note_given_up(match_id: str, why: Failure, settings: Settings) -> None:
    """A match that cannot be begun has failed, in the catalogue and in its folder, unless it is published."""
    match = matches.find(settings.catalogue_address, match_id)
    if match and match.status != "published" and match.lease_holder is None:
        matches.update(settings.catalogue_address, match_id, status="failed", **columns_of(why))
        with contextlib.suppress(OSError, TouchlineError):  # the catalogue and the task's log say it as well
            write_failure(MatchFolder(settings.nas_output_path, match_id), why.reason)


def match_need(recordings: Iterable[str]) -> int:
    """Bytes that a match takes in WORKING_DIR: WORKING_PART of its recordings.

    Raises:
        OSError: a recording is away.
    """
    return round(WORKING_PART * size_of(recordings))


def clips_need(match_id: str, settings: Settings) -> int:
    """Bytes that the reels of a match take in SCRATCH_DIR.

    COPIES_OF_CLIPS × seconds of clips × (CLIP_TIMES × recording's bytes per second + CLIP_SOUND_BYTES_PER_SEC).
    """
    files = WorkFiles(settings.working_dir, match_id)
    try:
        with reading_result(files.reels) as planned:
            spans = [clip["end_ms"] - clip["start_ms"] for clips in planned["reels"].values() for clip in clips]
            seconds = sum(spans) / 1000
        with reading_result(files.probe) as probe:
            length = sum(recording["duration_ms"] for recording in probe["recordings"]) / 1000
        size = size_of(load_request(match_id, settings).recordings)
    except (DamagedResultError, OSError):
        return 0  # the step itself says what is wrong
    return round(COPIES_OF_CLIPS * seconds * (CLIP_TIMES * size / max(length, 1) + CLIP_SOUND_BYTES_PER_SEC))


def size_of(recordings: Iterable[str]) -> int:
    """Bytes of all recordings.

    Raises:
        OSError: one is away.
    """
    return sum(Path(path).stat().st_size for path in recordings)


def used_bytes(folder: Path) -> int:
    """What lies below a folder takes on the disk; links are not followed, what goes meanwhile is not counted."""
    with contextlib.suppress(FileNotFoundError, UntrustedFileError), folder_of(folder / "any") as opened:
        return sum(status.st_blocks * 512 for _, status in opened.walk() if not stat.S_ISDIR(status.st_mode))
    return 0


def shown(size: int) -> str:
    """"3.1 GB", "12 MB"."""
    return f"{size / _GB:.1f} GB" if size >= _GB else f"{-(-size // 1_000_000)} MB"


def _room(setting: str, folder: Path, budget_gb: float, min_free_gb: float, promised: int = 0) -> Room:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    on_disk, budget = shutil.disk_usage(there).free - round(min_free_gb * _GB), round(budget_gb * _GB)
    within = budget - used_bytes(folder) if budget else on_disk
    return Room(setting, folder, min(on_disk, within) - promised, budget, within < on_disk)


def _working_promise(match_id: str, settings: Settings) -> int:
    try:
        needed = match_need(load_request(match_id, settings).recordings)
    except (TouchlineError, OSError):
        return 0
    return max(0, needed - used_bytes(WorkFiles(settings.working_dir, match_id).root))


def _scratch_promise(match_id: str, settings: Settings) -> int:
    return max(0, clips_need(match_id, settings) - used_bytes(_clips(match_id, settings)))


def _clips(match_id: str, settings: Settings) -> Path:
    return ScratchFiles(settings.scratch_dir, match_id).root / "clips"
