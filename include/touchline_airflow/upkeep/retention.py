"""What may go, when, and why? The plan behind the DAG `retention`; it only reads.

What can go is listed here by name; all else stays. Of a match that nobody works on and nobody pinned:

    results      scan and spottings in WORKING_DIR: the next run computes them again
    reel copies  a reel's video in WORKING_DIR, where the match folder holds the same video under its manifest
    versions     files of the match folder that its manifest does not name any more
    scratch      what a run left in SCRATCH_DIR of this host

The small results that say what was published stay for ever: by them a match counts as published.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from touchline.beneath.folder import open_folder
from touchline.catalogue import matches, recordings
from touchline.catalogue.matches import Match
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.errors import DamagedResultError, SettingError, StorageError, TouchlineError, UntrustedFileError
from touchline.exports.match_folder import VERSION_NAME, opened_folder, read_manifest
from touchline.results.result import read_result
from touchline.settings import Settings
from touchline_airflow.capacity.disk_space import shown
from touchline_airflow.deployment import DeploymentSettings

RESULTS, COPIES, VERSIONS, SCRATCH = "results", "reel copies", "versions", "scratch"
IDLE_SEC = 600
"""A person, or a step without a lease, may still look at what ended or was written this recently."""
SCRATCH_SEC = 24 * 3600
_DAY_MS = 86_400_000
_ENDED = ("published", "failed", "bad")
_RESULT = re.compile(r"(scan|scanned/[0-9a-f]{12}|spottings/chunk-[0-9]{4})(\.stats)?\.json")
_PIN = re.compile(r"keep(\.txt)?", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A file that may go: `path` is relative to `root`, `why` is for a person."""

    kind: str
    match: Match
    root: Path
    path: Path
    bytes: int
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """What would go, of how much in all."""

    going: tuple[Candidate, ...]
    all_bytes: int
    all_files: int

    @property
    def bytes(self) -> int:
        """What would be free afterwards."""
        return sum(candidate.bytes for candidate in self.going)


def is_pinned(folder: MatchFolder) -> bool:
    """Whether somebody put a file `KEEP` (or `keep.txt`: any case) into the match folder.

    Raises:
        OSError: the folder cannot be read.
        UntrustedFileError: it is a link.
    """
    with opened_folder(folder) as opened:
        return any(_PIN.fullmatch(name) for name in opened.names())


def note_pins(settings: Settings) -> list[str]:
    """Write into the catalogue which matches are pinned; returns their ids. A match without its folder stays as is."""
    _check_output(settings)
    pins = {}
    for match in matches.every(settings.catalogue_address):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, UntrustedFileError):
            pinned = is_pinned(MatchFolder(settings.nas_output_path, match.match_id))
            if pinned != match.pinned:
                pins[match.match_id] = pinned
    matches.pin(settings.catalogue_address, pins)
    return [match.match_id for match in matches.every(settings.catalogue_address) if match.pinned]


def plan_results(settings: Settings, deployment: DeploymentSettings, moment_ms: int | None = None) -> Plan:
    """What would go of WORKING_DIR and of the match folders: by age, and by space the oldest published matches first.

    Raises:
        StorageError: the output folder is away, so nobody can tell what is published or pinned.
        SettingError: the folders overlap.
    """
    _check_output(settings)
    _check_folders(settings)
    moment = time.time_ns() // 1_000_000 if moment_ms is None else moment_ms
    protected = _recordings(settings)
    found = {match: [*_results(match, settings), *_copies(match, settings)]
             for match in _free_matches(settings, moment) if _is_seen(match, settings)}
    limit_ms = deployment.retention_days * _DAY_MS
    old = {match for match in found if moment - match.updated_at_ms >= limit_ms}
    going = [replace(candidate, why=f"nobody has worked on it for {_days(moment - match.updated_at_ms)}")
             for match in found if match in old for candidate in found[match]]
    for match in found:
        if moment - match.updated_at_ms >= limit_ms:
            going += [replace(candidate, why="the manifest does not name it")
                      for candidate in _old_versions(match, settings, moment - limit_ms)]
    freed = sum(candidate.bytes for candidate in going if candidate.kind != VERSIONS)
    going += _by_space(settings.working_dir, deployment.working_budget_gb, deployment.min_free_gb, freed,
                       (candidate for match in found if match not in old and match.status == "published"
                        for candidate in found[match]))
    return _plan(going, protected, [settings.working_dir / "matches", settings.nas_output_path])


def plan_scratch(settings: Settings, deployment: DeploymentSettings, moment_ms: int | None = None) -> Plan:
    """What would go of SCRATCH_DIR of this host: what was not written to for a day, or sooner for want of space.

    Which matches are pinned is what `note_pins` wrote down: not every host sees the match folders.

    Raises:
        SettingError: the folders overlap.
    """
    _check_folders(settings)
    moment = time.time_ns() // 1_000_000 if moment_ms is None else moment_ms
    protected = _recordings(settings)
    stale, fresh = [], []
    for match in _free_matches(settings, moment):
        written_ms, files = _scratch(match, settings)
        if moment - written_ms >= SCRATCH_SEC * 1000:
            stale += [replace(file, why=f"nobody has written to it for {_days(moment - written_ms)}") for file in files]
        elif moment - written_ms >= IDLE_SEC * 1000:
            fresh += files
    freed = sum(candidate.bytes for candidate in stale)
    going = stale + _by_space(settings.scratch_dir, deployment.scratch_budget_gb, deployment.min_free_gb, freed, fresh)
    return _plan(going, protected, [settings.scratch_dir / "matches", settings.working_dir / "matches"])


def refuse_too_much(plan: Plan, most_percent: float) -> None:
    """Stop where a wrong clock, catalogue or setting may be at work.

    Raises:
        TouchlineError: more than this share would go, of the bytes or of the files.
    """
    shares = {"bytes": plan.bytes / plan.all_bytes if plan.all_bytes else 0,
              "files": len(plan.going) / plan.all_files if plan.all_files else 0}
    unit, share = max(shares.items(), key=lambda item: item[1])
    if share * 100 > most_percent:
        raise TouchlineError(f"nothing was removed: {share:.0%} of the {unit} would go ({len(plan.going)} files, "
                             f"{shown(plan.bytes)}), more than RETENTION_MOST_PERCENT={most_percent:g}; look at it "
                             "with dry_run, then trigger retention with confirm")


def describe(plan: Plan) -> list[str]:
    """One line for each match and kind, and one for all."""
    groups: dict[tuple[str, str, str, str], list[Candidate]] = {}
    for candidate in plan.going:
        key = (candidate.match.match_id, candidate.kind, candidate.why, str(candidate.root))
        groups.setdefault(key, []).append(candidate)
    lines = [f"{match_id}: {kind}, {_files(len(group))}, {shown(sum(item.bytes for item in group))} below {root}: {why}"
             for (match_id, kind, why, root), group in groups.items()]
    return [*lines, f"in all {_files(len(plan.going))}, {shown(plan.bytes)} of {_files(plan.all_files)}, "
                    f"{shown(plan.all_bytes)}"]


def _check_output(settings: Settings) -> None:
    if not settings.nas_output_path.is_dir():
        raise StorageError(settings.nas_output_path, "is not a folder", "mount or create it")


def _check_folders(settings: Settings) -> None:
    ours = {"WORKING_DIR": (settings.working_dir / "matches").resolve(),
            "SCRATCH_DIR": (settings.scratch_dir / "matches").resolve(),
            "NAS_OUTPUT_PATH": settings.nas_output_path.resolve()}
    for name, folder in ours.items():
        others = {**{key: path for key, path in ours.items() if key != name}, "NAS_MOUNT_PATH": settings.nas_mount_path}
        for other, path in others.items():
            if path.resolve().is_relative_to(folder):
                raise SettingError(f"{other}={path} lies in {folder} of {name}: name a folder of its own")


def _free_matches(settings: Settings, moment_ms: int) -> Iterator[Match]:
    """Matches that nobody works on and nobody pinned as far as the catalogue knows, the longest ended first."""
    for match in sorted(matches.every(settings.catalogue_address), key=lambda match: match.updated_at_ms):
        ended = match.status in _ENDED and match.lease_holder is None
        if ended and not match.pinned and moment_ms - match.updated_at_ms >= IDLE_SEC * 1000:
            yield match


def _is_seen(match: Match, settings: Settings) -> bool:
    """Whether its folder is there, says that it is published if it is, and holds no pin that is new."""
    folder = MatchFolder(settings.nas_output_path, match.match_id)
    try:
        return not is_pinned(folder) and (match.status != "published" or bool(_manifest(folder)))
    except (OSError, TouchlineError):
        return False


def _results(match: Match, settings: Settings) -> Iterator[Candidate]:
    root = WorkFiles(settings.working_dir, match.match_id).root
    for path, status in _plain_files(settings.working_dir, root.relative_to(settings.working_dir)):
        if _RESULT.fullmatch(str((settings.working_dir / path).relative_to(root))):
            yield Candidate(RESULTS, match, settings.working_dir, path, status.st_size)


def _copies(match: Match, settings: Settings) -> Iterator[Candidate]:
    """Videos of reels that the manifest names with the same content; that it is so is seen again before they go."""
    files = WorkFiles(settings.working_dir, match.match_id)
    for name, entry in _manifest(MatchFolder(settings.nas_output_path, match.match_id)).items():
        reel = re.fullmatch(r"reels/([a-z0-9_-]+)\.mp4", name)
        if not reel:
            continue
        video = files.reel_video(reel[1]).relative_to(settings.working_dir)
        with contextlib.suppress(OSError, DamagedResultError, UntrustedFileError), open_folder(
                settings.working_dir) as folder:
            is_same = read_result(files.reel(reel[1])).result.get("sha256") == entry["sha256"]
            size = folder.size(video)
            if is_same and size is not None:
                yield Candidate(COPIES, match, settings.working_dir, video, size)


def _old_versions(match: Match, settings: Settings, before_ms: int) -> Iterator[Candidate]:
    folder = MatchFolder(settings.nas_output_path, match.match_id)
    wanted = {entry["version"] for entry in _manifest(folder).values()}
    if not wanted:
        return
    for path, status in _plain_files(settings.nas_output_path, folder.versions.relative_to(settings.nas_output_path)):
        name = path.name
        is_version = path.parent.name == folder.versions.name and VERSION_NAME.fullmatch(name)
        if is_version and f".versions/{name}" not in wanted and status.st_mtime * 1000 <= before_ms:
            yield Candidate(VERSIONS, match, settings.nas_output_path, path, status.st_size)


def _scratch(match: Match, settings: Settings) -> tuple[float, list[Candidate]]:
    """When it was last written to, and all its files."""
    root = ScratchFiles(settings.scratch_dir, match.match_id).root
    found = list(_plain_files(settings.scratch_dir, root.relative_to(settings.scratch_dir)))
    return (max((status.st_mtime * 1000 for _, status in found), default=0.0),
            [Candidate(SCRATCH, match, settings.scratch_dir, path, status.st_size) for path, status in found])


def _by_space(folder: Path, budget_gb: float, min_free_gb: float, freed: int, rest: Iterable[Candidate]
              ) -> list[Candidate]:
    """As many of the rest, in their order, as bring the folder back within its budget and its disk."""
    if not folder.is_dir():
        return []
    used = sum(status.st_size for _, status in _plain_files(folder, Path()))
    over = used - round(budget_gb * 1e9) if budget_gb else 0
    short = round(min_free_gb * 1e9) - shutil.disk_usage(folder).free
    missing, going = max(over, short) - freed, []
    why = f"{folder} is over its budget" if over >= short else "its disk is nearly full"
    for candidate in rest:
        if missing <= 0:
            break
        missing -= candidate.bytes
        going.append(replace(candidate, why=why))
    return going


def _plan(going: list[Candidate], protected: set[Path], folders: list[Path]) -> Plan:
    inodes: dict[tuple[int, int], int] = {}
    for folder in folders:
        inodes.update({(status.st_dev, status.st_ino): status.st_size for _, status in _plain_files(folder, Path())})
    kept = tuple(item for item in going if (item.root / item.path).resolve() not in protected)
    return Plan(kept, sum(inodes.values()), len(inodes))


def _recordings(settings: Settings) -> set[Path]:
    address = settings.catalogue_address
    return {Path(path).resolve() for path in (*recordings.every(address),
                                              *(one.path for match in matches.every(address)
                                                for one in match.sources))}


def _manifest(folder: MatchFolder) -> dict[str, Any]:
    """The files that the manifest names; empty where there is none or it is damaged: then nothing of it goes."""
    try:
        with opened_folder(folder) as opened:
            return read_manifest(opened, folder.match_id)[1]
    except (OSError, TouchlineError):
        return {}


def _plain_files(root: Path, path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every plain file below `root / path`, relative to root; links are not followed and not named."""
    with contextlib.suppress(FileNotFoundError, UntrustedFileError), open_folder(root, path) as folder:
        for name, status in folder.walk():
            if stat.S_ISREG(status.st_mode):
                yield path / name, status


def _days(span_ms: float) -> str:
    return f"{span_ms / _DAY_MS:.0f} days" if span_ms >= 2 * _DAY_MS else f"{span_ms / 3_600_000:.0f} hours"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"

