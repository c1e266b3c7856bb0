"""What the pages show of a match: from the catalogue, and from its folder as the manifest commits it.

The folder lies on a share: only files that the manifest names are opened, below the folder and through no link.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from io import BufferedReader
from typing import Any

from touchline.catalogue import matches, reviews
from touchline.catalogue.matches import Match
from touchline.domain.layout import MatchFolder, is_match_id
from touchline.domain.review import Review, decisions, review_to_plain
from touchline.errors import UntrustedFileError, UsageError
from touchline.exports.match_files import ACTIONS, MATCH, REVIEWS, SPOTTINGS, reel_file
from touchline.exports.match_folder import opened_folder, read_manifest
from touchline.reels.rules import load_rules
from touchline.results.request import REELS
from touchline.settings import Settings

MEDIA_TYPES = {
    **dict.fromkeys((MATCH, ACTIONS, REVIEWS, SPOTTINGS, *(reel_file(reel, "json") for reel in REELS)),
                    "application/json"),
    **{reel_file(reel, "mp4"): "video/mp4" for reel in REELS},
}
"""The files of a match folder that are served. The report is none of them: it brings scripts of its own."""
_MOST_BYTES = 32 << 20


class NotThereError(UsageError):
    """What was asked for is not there, or not any more."""


def match_of(match_id: str, settings: Settings) -> Match:
    """The match with this id.

    Raises:
        NotThereError: the catalogue does not know it.
    """
    match = matches.find(settings.catalogue_address, match_id) if is_match_id(match_id) else None
    if match is None:
        raise NotThereError("there is no such match")
    return match


def headline(match: Match) -> dict[str, Any]:
    """A match in one row of the list."""
    return {"match_id": match.match_id, "title": match.title or match.match_id, "status": match.status,
            "reason": match.reason, "duration_ms": match.duration_ms, "updated_at_ms": match.updated_at_ms,
            "is_provisional": match.is_provisional}


def listed(settings: Settings, status: str | None, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How many matches there are, and some of them, the latest first."""
    found = [one for one in matches.every(settings.catalogue_address) if status in (None, one.status)]
    latest = sorted(found, key=lambda one: (-one.updated_at_ms, one.match_id))
    return len(latest), [headline(one) for one in latest[offset : offset + limit]]


def described(match_id: str, settings: Settings) -> dict[str, Any]:
    """All that the page of a match shows; without a folder there are no actions and no reels.

    `unmade` says how many reviews the folder does not know yet.

    Raises:
        NotThereError: there is no such match.
    """
    match = match_of(match_id, settings)
    made = reviews.of_match(settings.catalogue_address, match_id)
    actions = _published(match_id, ACTIONS, settings) or {"actions": [], "candidates": []}
    known = (_published(match_id, REVIEWS, settings) or {"reviews": []})["reviews"]
    return {
        **headline(match),
        "recordings": [one.path for one in match.sources] or [match.recording],
        "actions": actions["actions"],
        "candidates": actions["candidates"],
        "reels": [{"name": name, "title": load_rules().reels[name].title, **reel} for name in REELS
                  if (reel := _published(match_id, reel_file(name, "json"), settings))],
        "decisions": [asdict(one) for one in decisions(made)],
        "reviews": [reviewed(one) for one in made],
        "unmade": len(made) - len(known),
    }


def reviewed(review: Review) -> dict[str, Any]:
    """A review as JSON, with what it was."""
    return {"what": review.what, **review_to_plain(review)}


@contextmanager
def opened(match_id: str, name: str, settings: Settings) -> Iterator[BufferedReader]:
    """Open a file of a match folder, in the version that its manifest commits.

    Raises:
        NotThereError: there is no such match, or it has no such file.
        StorageError: the output folder is away.
    """
    match_of(match_id, settings)
    with ExitStack() as stack:
        try:
            if name not in MEDIA_TYPES:
                raise KeyError(name)
            folder = stack.enter_context(opened_folder(MatchFolder(settings.nas_output_path, match_id)))
            _, files = read_manifest(folder, match_id)
            handle = stack.enter_context(folder.open(files[name]["version"]))
        except (OSError, UntrustedFileError, KeyError):
            raise NotThereError(f"the match has no file {name[:80]!r}") from None
        yield handle


def _published(match_id: str, name: str, settings: Settings) -> dict[str, Any] | None:
    try:
        with opened(match_id, name, settings) as handle:
            found = json.loads(handle.read(_MOST_BYTES))
    except (NotThereError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
