"""What the retention planned goes: match by match, and only while nobody works on the match."""

from __future__ import annotations

import itertools
import stat
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from touchline.beneath.folder import open_folder
from touchline.catalogue import matches
from touchline.catalogue.matches import Match
from touchline.domain.layout import MatchFolder
from touchline.errors import TouchlineError, UntrustedFileError
from touchline.exports.match_folder import opened_folder, read_manifest
from touchline.settings import Settings
from touchline_airflow.capacity.disk_space import shown
from touchline_airflow.upkeep.retention import COPIES, SCRATCH, VERSIONS, Candidate, Plan, is_pinned

Say = Callable[[str], None]


def sweep(plan: Plan, settings: Settings, say: Say) -> Counter[str]:
    """Remove what the plan names; returns the bytes freed of each kind.

    A match that was taken, pinned or worked on since it was planned is left alone.

    Raises:
        TouchlineError: some files could not be removed, each has a line in the log; all others are gone.
    """
    freed: Counter[str] = Counter()
    failed = 0
    for _, group in itertools.groupby(sorted(plan.going, key=_by_match), key=_by_match):
        sure = [candidate for candidate in group if candidate.kind != COPIES or _is_published(candidate, settings)]
        failed += _sweep_match(sure, settings, freed, say)
    say(", ".join(f"{kind}: {shown(size)} freed" for kind, size in sorted(freed.items())) or "nothing was removed")
    if failed:
        raise TouchlineError(f"{failed} files could not be removed: the lines above say why; all others are gone")
    return freed


def _sweep_match(candidates: list[Candidate], settings: Settings, freed: Counter[str], say: Say) -> int:
    """Returns how many files could not be removed."""
    if not candidates:
        return 0
    match, failed = candidates[0].match, 0
    with matches.undisturbed(settings.catalogue_address, match) as is_free:
        if not is_free or (candidates[0].kind != SCRATCH and _was_pinned(match, settings)):
            say(f"{match.match_id} is left alone: somebody works on it, or pinned it, since this was planned")
            return 0
        wanted = _wanted_versions(match, settings)
        for candidate in candidates:
            if candidate.kind == VERSIONS and (wanted is None or candidate.path.name in wanted):
                continue
            try:
                freed[candidate.kind] += _remove_file(candidate)
            except (OSError, UntrustedFileError) as error:
                say(f"{candidate.root / candidate.path} stays: {getattr(error, 'strerror', None) or error}")
                failed += 1
        for root, folder in {(candidate.root, Path(*candidate.path.parts[:2])) for candidate in candidates}:
            if root != settings.nas_output_path:
                _remove_empty_folders(root, folder)
    return failed


def _remove_file(candidate: Candidate) -> int:
    """Returns its bytes, 0 where it is gone or is not a plain file any more."""
    with open_folder(candidate.root) as root:
        size = root.size(candidate.path)
        if size is not None:
            root.unlink(candidate.path)
        return size or 0


def _remove_empty_folders(root: Path, name: Path) -> None:
    """Remove a folder and those below it that hold nothing; the others stay."""
    with suppress(OSError, UntrustedFileError), open_folder(root) as opened:
        with opened.folder(name) as folder:
            below = [path for path, status in folder.walk() if stat.S_ISDIR(status.st_mode)]
            for path in sorted(below, key=lambda path: -len(path.parts)):
                with suppress(OSError, UntrustedFileError):
                    folder.rmdir(path)
        opened.rmdir(name)


def _is_published(copy: Candidate, settings: Settings) -> bool:
    """Whether the match folder holds, whole, what this video holds: read from its first to its last byte."""
    match_id = copy.match.match_id
    with suppress(OSError, TouchlineError, KeyError), opened_folder(
            MatchFolder(settings.nas_output_path, match_id)) as folder:
        entry = read_manifest(folder, match_id)[1][f"reels/{copy.path.name}"]
        return folder.holds(entry["version"], entry["sha256"], copy.bytes)
    return False


def _was_pinned(match: Match, settings: Settings) -> bool:
    try:
        return is_pinned(MatchFolder(settings.nas_output_path, match.match_id))
    except (OSError, TouchlineError):
        return True  # nobody can tell


def _wanted_versions(match: Match, settings: Settings) -> set[str] | None:
    with suppress(OSError, TouchlineError), opened_folder(
            MatchFolder(settings.nas_output_path, match.match_id)) as folder:
        return {Path(entry["version"]).name for entry in read_manifest(folder, match.match_id)[1].values()}
    return None


def _by_match(candidate: Candidate) -> str:
    return candidate.match.match_id
