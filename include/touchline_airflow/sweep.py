"""What the retention planned goes: match by match, and only while nobody works on the match. No airflow in here."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from touchline.catalogue import matches
from touchline.catalogue.matches import Match
from touchline.domain.layout import MatchFolder
from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline.steps.result import file_digest
from touchline_airflow.budgets import shown
from touchline_airflow.removal import remove_empty_folders, remove_file
from touchline_airflow.retention import COPIES, SCRATCH, VERSIONS, Candidate, Plan, is_pinned

Say = Callable[[str], None]


def sweep(plan: Plan, settings: Settings, say: Say) -> Counter[str]:
    """Remove what the plan names; returns the bytes freed of each kind.

    A match that was taken, pinned or worked on since it was planned is left alone.

    Raises:
        TouchlineError: some files could not be removed, each was told; all others are gone.
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
                freed[candidate.kind] += remove_file(candidate.root, candidate.path)
            except OSError as error:
                say(f"{candidate.root / candidate.path} stays: {error.strerror}")
                failed += 1
        for root, folder in {(candidate.root, Path(*candidate.path.parts[:2])) for candidate in candidates}:
            if root != settings.nas_output_path:
                remove_empty_folders(root, folder)
    return failed


def _is_published(copy: Candidate, settings: Settings) -> bool:
    """Whether the match folder holds, whole, what this video holds: read from its first to its last byte."""
    folder = MatchFolder(settings.nas_output_path, copy.match.match_id)
    with suppress(OSError, ValueError, KeyError, TypeError):
        entry = json.loads(folder.manifest.read_bytes())["files"][f"reels/{copy.path.name}"]
        version = folder.root / entry["version"]
        return version.stat().st_size == copy.bytes and file_digest(version) == entry["sha256"]
    return False


def _was_pinned(match: Match, settings: Settings) -> bool:
    try:
        return is_pinned(MatchFolder(settings.nas_output_path, match.match_id))
    except OSError:
        return True  # nobody can tell


def _wanted_versions(match: Match, settings: Settings) -> set[str] | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        files = json.loads(MatchFolder(settings.nas_output_path, match.match_id).manifest.read_bytes())["files"]
        return {Path(entry["version"]).name for entry in files.values()}
    return None


def _by_match(candidate: Candidate) -> str:
    return candidate.match.match_id
