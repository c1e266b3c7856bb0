"""Is what a run was asked for allowed, and which match is it?

A run names one recording or several, in the order of play. Those that are a part of a match mean the whole match.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from touchline.catalogue import matches
from touchline.catalogue.matches import Match, Source
from touchline.domain.layout import WorkFiles, is_chapter, is_match_id
from touchline.errors import UsageError
from touchline.results.files import is_there
from touchline.results.fingerprint import fingerprint, match_fingerprint
from touchline.results.request import REELS, Request, make_request
from touchline.settings import Settings
from touchline.sidecars.read import MOST
from touchline.storage import STORAGE_ERRNOS, storage_error
from touchline_airflow.mount.find import watched_folders

LONGEST_PATH = 4096


@dataclass(frozen=True)
class MatchOrder:
    """What a run was asked for, checked: existing plain files inside the mount, and known reels."""

    recordings: tuple[Path, ...]
    reels: tuple[str, ...]
    match_id: str | None


def read_order(params: Mapping[str, Any], settings: Settings) -> MatchOrder:
    """Check a run's params.

    Raises:
        UsageError: one line that says what is refused and what to give instead.
        StorageError: the mount is away, or a recording that the ingest has seen is not there now.
    """
    match_id = params.get("match_id")
    if match_id is not None and not (isinstance(match_id, str) and is_match_id(match_id)):
        raise UsageError(f"match_id {match_id!r} is not a match id: leave it out")
    if not isinstance(params.get("force", False), bool):
        raise UsageError(f"force {params['force']!r} is neither true nor false")
    named = [params.get("recording"), *_more(params.get("more_recordings"))]
    recordings = tuple(_chapter(one, match_id, settings) or _recording(one, settings, is_known=match_id is not None)
                       for one in named)
    return MatchOrder(recordings, _reels(params.get("reels", list(REELS))), match_id)


def find_match(order: MatchOrder, settings: Settings) -> Request:
    """Fingerprint the recordings and return the request of their match; a new match is registered in the catalogue.

    The same content is the same match under any name. The recordings that the match was made from stay its sources
    while they have not changed, so that results are reused.
    """
    address, proposed = settings.catalogue_address, make_request(order.recordings, order.reels)
    match = _match_that_holds(proposed, settings) or matches.register(
        address, proposed.match_id, match_fingerprint(proposed.fingerprints), proposed.recordings[0],
        tuple(map(Source, proposed.recordings, proposed.fingerprints)))
    named = dict(zip(proposed.fingerprints, proposed.recordings, strict=True))
    sources = tuple(one if _is_content(Path(one.path), one.fingerprint)
                    else replace(one, path=named.get(one.fingerprint, one.path)) for one in match.sources)
    if sources != match.sources:
        matches.set_sources(address, match.match_id, sources)
    return _request(match.match_id, sources, proposed.reels)


def _match_that_holds(proposed: Request, settings: Settings) -> Match | None:
    """The one match that has these recordings among its own."""
    contents = set(proposed.fingerprints)
    found = [match for match in matches.with_recordings(settings.catalogue_address, contents)
             if contents <= {one.fingerprint for one in match.sources}]
    return found[0] if len(found) == 1 else None


def request_of(match_id: str, params: Mapping[str, Any], settings: Settings) -> Request:
    """What a run of an opened match was asked for: by the catalogue and its params, which no step can change.

    Raises:
        UsageError: the catalogue does not know the match.
    """
    match = matches.find(settings.catalogue_address, match_id)
    if match is None:
        raise UsageError(f"match {match_id} is not in the catalogue: trigger its recording again")
    return _request(match_id, match.sources, _reels(params.get("reels", list(REELS))))


def _request(match_id: str, sources: Sequence[Source], reels: tuple[str, ...]) -> Request:
    return Request(match_id, tuple(one.path for one in sources), tuple(one.fingerprint for one in sources), reels)


def _more(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise UsageError(f"more_recordings {str(value)[:80]!r} is not a list of paths: leave it out, or give the files "
                         "that follow the first one")
    if len(value) >= MOST["recordings"]:
        raise UsageError(f"more_recordings holds {len(value):,} paths: a match has {MOST['recordings']} at most")
    return value


def _chapter(value: Any, match_id: str | None, settings: Settings) -> Path | None:
    """A chapter that the ingest cut for this match; None for anything else."""
    if match_id is None or not isinstance(value, str) or not is_chapter(Path(value), match_id):
        return None
    path = WorkFiles(settings.working_dir, match_id).chapter(Path(value).name)
    return path if str(path) == value and is_there(path) else None


def _recording(value: Any, settings: Settings, *, is_known: bool) -> Path:
    if not isinstance(value, str) or not value.strip():
        raise UsageError("recording is missing: give the path of a file below NAS_MOUNT_PATH")
    if "\0" in value or len(value) > LONGEST_PATH or not _is_utf8(value):
        raise UsageError(f"recording {value[:80]!r} is not a path")
    mount, output = watched_folders(settings)
    try:
        path = (mount / value).resolve()
        is_file = path.is_file()
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno in STORAGE_ERRNOS:
            raise storage_error(error.errno, mount / value, writes=False) from error
        raise UsageError(f"recording {value[:200]!r} cannot be read: {error}") from None
    if not path.is_relative_to(mount):
        raise UsageError(f"recording {value[:200]!r} lies outside NAS_MOUNT_PATH ({mount}): put it there")
    if path.is_relative_to(output):
        raise UsageError(f"recording {value[:200]!r} lies in NAS_OUTPUT_PATH: that holds what touchline made")
    if not is_file:
        if is_known or not _holds_something(mount):
            raise storage_error(errno.ENOENT, path, writes=False)
        raise UsageError(f"recording {value[:200]!r} is not a plain file below {mount}: check the name")
    return path


def _reels(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise UsageError(f"reels {value!r} is not a list of names: use {', '.join(REELS)}")
    for name in value:
        if name not in REELS:
            raise UsageError(f"unknown reel {name!r}: use {', '.join(REELS)}")
    return tuple(name for name in REELS if name in value)


def _holds_something(mount: Path) -> bool:
    """Whether the mount is there: the folder under a mount that is away is empty."""
    try:
        return any(mount.iterdir())
    except OSError:
        return False


def _is_content(path: Path, content: str) -> bool:
    try:
        return path.is_file() and fingerprint(path) == content
    except OSError:
        return False


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
