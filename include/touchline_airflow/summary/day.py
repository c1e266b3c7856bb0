"""What happened since yesterday, and how do things stand? Collected for the morning's summary."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from touchline.catalogue import matches, publications, recordings, reels, runs
from touchline.catalogue.matches import Match
from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.backfill.survey import Wish, survey
from touchline_airflow.books.costs import Cost, cost_of
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import Hold, hold

GB = 10**9


@dataclass(frozen=True)
class DoneMatch:
    """A match with a new result, its reels that have clips, and how long the run worked that made it."""

    match: Match
    reels: tuple[dict[str, object], ...]
    took: timedelta

    @property
    def title(self) -> str:
        """For a person."""
        return self.match.title or self.match.match_id


@dataclass(frozen=True)
class FailedMatch:
    """A match whose last run failed, or a recording that cannot be used."""

    name: str
    reason: str
    run_id: str = ""


@dataclass(frozen=True)
class Disk:
    """One mount, or why nothing can be said of it."""

    setting: str
    path: Path
    free_gb: float = 0.0
    size_gb: float = 0.0
    trouble: str = ""


@dataclass(frozen=True)
class Day:
    """All that the summary says."""

    since: datetime
    done: tuple[DoneMatch, ...]
    failed: tuple[FailedMatch, ...]
    cost: Cost
    disks: tuple[Disk, ...]
    tonight: tuple[str, ...]
    held: Hold | None


def day_since(since: datetime, settings: Settings, deployment: DeploymentSettings) -> Day:
    """Look at catalogue, disks and mount.

    Raises:
        TouchlineError: the catalogue is away; a disk or mount that is away is named in its place.
    """
    since_ms = round(since.timestamp() * 1000)
    done, failed = _ended(since_ms, settings)
    cost = cost_of(runs.stages_since(settings.catalogue_address, since_ms), deployment)
    return Day(since, done, (*failed, *_bad(since_ms, settings)), cost, _disks(settings, deployment),
               _tonight(settings, deployment), hold(settings.working_dir))


def _ended(since_ms: int, settings: Settings) -> tuple[tuple[DoneMatch, ...], tuple[FailedMatch, ...]]:
    """Failed is a match whose last run failed; done is another that has a new result, whatever it was before."""
    address = settings.catalogue_address
    last = {row["match_id"]: row for row in runs.ended_since(address, since_ms)}
    failed = {match_id: row for match_id, row in last.items() if row["status"] == "failed"}
    new = {one.match_id: one for one in publications.since(address, since_ms) if one.match_id not in failed}
    found = {match.match_id: match for match_id in (*new, *failed) if (match := matches.find(address, match_id))}
    return (tuple(DoneMatch(found[match_id], _with_clips(address, match_id), timedelta(milliseconds=one.worked_ms))
                  for match_id, one in new.items() if match_id in found),
            tuple(FailedMatch(found[match_id].title or match_id, row["reason"] or "no reason is known", row["run_id"])
                  for match_id, row in failed.items() if match_id in found))


def _with_clips(address: str, match_id: str) -> tuple[dict[str, object], ...]:
    return tuple(reel for reel in reels.of_match(address, match_id) if reel["clips"])


def _bad(since_ms: int, settings: Settings) -> list[FailedMatch]:
    return [FailedMatch(Path(row.path).name, row.reason or "the recording is bad")
            for row in recordings.every(settings.catalogue_address).values()
            if row.status == "bad" and (row.checked_at_ms or 0) >= since_ms]


def _disks(settings: Settings, deployment: DeploymentSettings) -> tuple[Disk, ...]:
    places = {"NAS_MOUNT_PATH": settings.nas_mount_path, "NAS_OUTPUT_PATH": settings.nas_output_path,
              "WORKING_DIR": settings.working_dir, "SCRATCH_DIR": settings.scratch_dir,
              "BACKUP_DIR": deployment.backup_dir}
    return tuple(_disk(name, path) for name, path in places.items())


def _disk(setting: str, path: Path) -> Disk:
    try:
        usage = shutil.disk_usage(path)
    except OSError as error:
        return Disk(setting, path, trouble=error.strerror or str(error))
    return Disk(setting, path, usage.free / GB, usage.total / GB)


def _tonight(settings: Settings, deployment: DeploymentSettings) -> tuple[str, ...]:
    """What nightly_backfill would make now, the newest match first."""
    try:
        work, _ = survey(Wish(deployment.backfill_outdated == "true"), settings, deployment.zone)
    except (OSError, TouchlineError) as error:
        return (f"not known: {error}",)
    return tuple(one.line for one in work)
