"""What does a published folder say about its match? It is data: every value is looked at before anything is believed.

A file counts only with the digest that the manifest names, and a value only if it is one that a publishing writes.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.beneath.folder import open_folder
from touchline.catalogue.matches import Source
from touchline.catalogue.recovery import PublishedMatch
from touchline.errors import DamagedResultError, UntrustedFileError
from touchline.results.fingerprint import match_fingerprint
from touchline.settings import Settings
from touchline.sidecars.read import MOST
from touchline_airflow.books.noted import checked_actions, checked_reel
from touchline_airflow.recovery.facts import files_of_manifest, is_count, is_digest

MOST_BYTES = 32_000_000
"""Of one JSON file of a match folder: 100,000 actions take 20 MB."""
_TITLE_CHARACTERS = 1000
_NAME_BYTES = 255
_REEL_FILE = re.compile(r"reels/([a-z0-9_-]{1,64})\.json")

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Described:
    """A match as its folder describes it, with the actions and reels for the catalogue."""

    match: PublishedMatch
    actions: tuple[Plain, ...]
    reels: tuple[Plain, ...]


def read_published_match(folder: Path, settings: Settings) -> Described:
    """Read a match folder.

    Raises:
        DamagedResultError: something of it is missing, damaged, or no publishing of ours wrote it: one line.
        OSError: the disk does not give it.
    """
    manifest = _read(folder, "manifest.json")
    files = files_of_manifest(manifest)
    if not files or _table("manifest.json", manifest).get("match_id") != folder.name:
        raise DamagedResultError("manifest.json is damaged, or that of another match")
    contents = {name: _as_listed(folder, name, entry) for name, entry in files.items() if _is_read(name)}
    missing = {"match.json", "actions.json"} - set(contents)
    if missing:
        raise DamagedResultError(f"manifest.json does not name {' and '.join(sorted(missing))}")
    tables = {name: _table(name, content) for name, content in contents.items()}
    if other := [name for name, table in tables.items() if table.get("match_id") != folder.name]:
        raise DamagedResultError(f"{other[0]} is that of another match")
    reels = {name: table for name, table in tables.items() if _REEL_FILE.fullmatch(name)}
    return Described(_match(folder.name, tables["match.json"], settings), _actions(tables["actions.json"]),
                     tuple(_reel(name, table) for name, table in sorted(reels.items())))


def _is_read(name: str) -> bool:
    return name in ("match.json", "actions.json") or _REEL_FILE.fullmatch(name) is not None


def _read(folder: Path, name: str) -> bytes:
    try:
        with open_folder(folder.parent, folder.name) as opened:
            return opened.read(name, MOST_BYTES)
    except FileNotFoundError:
        raise DamagedResultError(f"{name} is missing") from None
    except UntrustedFileError as error:
        raise DamagedResultError(f"{name} {error.what}") from None


def _as_listed(folder: Path, name: str, entry: Plain) -> bytes:
    content = _read(folder, name)
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise DamagedResultError(f"{name} is damaged, its sha256 is not that of manifest.json")
    return content


def _table(name: str, content: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError, RecursionError):
        raise DamagedResultError(f"{name} is damaged, it is not a JSON table") from None


def _match(match_id: str, told: Plain, settings: Settings) -> PublishedMatch:
    title, recordings = told.get("title"), told.get("recordings")
    if not _is_text(title, _TITLE_CHARACTERS):
        raise DamagedResultError(f"match.json has no title of up to {_TITLE_CHARACTERS} printable characters")
    if not is_count(told.get("duration_ms")):
        raise DamagedResultError("match.json has no duration_ms")
    if not isinstance(recordings, list) or not recordings or not all(map(_is_recording, recordings)):
        raise DamagedResultError("match.json names no recordings by file name and fingerprint")
    sources = tuple(Source(str(settings.nas_mount_path / each["file"]), each["fingerprint"]) for each in recordings)
    if not _is_named_after(match_id, [one.fingerprint for one in sources]):
        raise DamagedResultError("match.json has a fingerprint that is not that of the folder's name")
    content = match_fingerprint([one.fingerprint for one in sources])
    return PublishedMatch(match_id, content, sources, str(title), told["duration_ms"])


def _is_named_after(match_id: str, fingerprints: Sequence[str]) -> bool:
    """Whether the id is that of these recordings, or of those that were there before the others came."""
    if len(fingerprints) > MOST["recordings"]:
        return False
    borders = range(len(fingerprints) + 1)
    return any(match_id.endswith(f"-{match_fingerprint(fingerprints[first:end])[:12]}")
               for first in borders for end in borders[first + 1 :])


def _is_recording(value: Any) -> bool:
    return isinstance(value, dict) and is_digest(value.get("fingerprint")) and _is_file_name(value.get("file"))


def _is_file_name(value: Any) -> bool:
    """A name in a folder, not a way out of it: it becomes the path of a recording."""
    return _is_text(value, _NAME_BYTES) and len(value.encode()) <= _NAME_BYTES and "/" not in value \
        and not value.startswith(".")


def _actions(told: Plain) -> tuple[Plain, ...]:
    try:
        return tuple(checked_actions(told.get("actions")))
    except (LookupError, TypeError, ValueError, AttributeError):
        raise DamagedResultError("actions.json holds what is not an action") from None


def _reel(name: str, told: Plain) -> Plain:
    try:
        return checked_reel(told, Path(name).stem)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise DamagedResultError(f"{name} describes no reel") from None


def _is_text(value: Any, most: int) -> bool:
    """Text of 1 to `most` characters, without control characters and halves of characters: a database can hold it."""
    return isinstance(value, str) and 0 < len(value) <= most \
        and not any(unicodedata.category(character) in ("Cc", "Cs") for character in value)
