"""A recording that is still written: which match is made of it meanwhile, and of which chapters?

Its match is a provisional one: it has an id of its own, and what was cut off so far are its recordings. The recording
itself, when it is complete, is another match.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles, match_id, slug
from touchline.errors import UntrustedFileError
from touchline.exports.match_files import known_names
from touchline.exports.match_folder import withdraw
from touchline.results.files import folder_of, is_there, remove_tree, write_json
from touchline.results.request import REELS, Request
from touchline.settings import Settings
from touchline.storage import reading
from touchline.video.growing import Place

_MOST_BYTES = 1 << 20
_HEAD = (1 << 16, 1 << 20)
"""The bytes that tell a recording while it grows, from the first to the second: before them stands what is corrected
at its end, such as its length."""
_SLUG = 43
_LARGEST = 1 << 60
_LOOKS_AGAIN = 9 / 8
_LONGER_AFTER = 40
"""A chapter holds at least this part of what was cut before it: a match may have a hundred recordings."""


@dataclass(frozen=True)
class Chapter:
    """One file below `chapters/`, with the fingerprint of its content."""

    name: str
    fingerprint: str


@dataclass(frozen=True)
class Growing:
    """What was cut from a recording: its chapters, where the first began and where the next one begins.

    `tried_bytes`: how long it was when too little had come for another one.
    """

    match_id: str
    recording: str
    chapters: tuple[Chapter, ...] = ()
    begin_us: int = 0
    following: Place | None = None
    tried_bytes: int = 0

    @property
    def length_s(self) -> float:
        """So much of it is in chapters."""
        return (self.following.time_us - self.begin_us) / 1e6 if self.following else 0.0

    def least_s(self, settings: Settings) -> float:
        """The next chapter is cut when so much has come."""
        return max(settings.live_chapter_sec, self.length_s / _LONGER_AFTER)

    def is_due(self, size_bytes: int, settings: Settings) -> bool:
        """Whether a recording of this size is worth a look: as many bytes came as a chapter took at the rate so far.

        Each look reads all that came since the last chapter; the next one waits until it is noticeably more.
        """
        at = self.following.at if self.following else 0
        wanted = at / self.length_s * self.least_s(settings) if at else 1
        return size_bytes - at >= max(wanted, (self.tried_bytes - at) * _LOOKS_AGAIN)


def growing_match_id(recording: Path) -> str | None:
    """Id of the provisional match of a recording; None while too little of it is there to tell it from another.

    Raises:
        StorageError: it is away.
    """
    first, end = _HEAD
    with reading(recording), recording.open("rb") as handle:
        handle.seek(first)
        head = handle.read(end - first)
    if len(head) < end - first:
        return None
    identity = hashlib.sha256(str(recording).encode() + b"\0" + head).hexdigest()
    return match_id(f"{slug(recording.stem)[:_SLUG]} live", identity)


def chapter_name(recording: Path, number: int) -> str:
    """Name of the chapter with this number, counted from 1: "final live 0007.mkv"."""
    return f"{slug(recording.stem)} live {number:04d}.mkv"


def provisional_request(growing: Growing, reels: Sequence[str], settings: Settings) -> Request:
    """What is made of the chapters so far."""
    files = WorkFiles(settings.working_dir, growing.match_id)
    return Request(files.match_id, tuple(str(files.chapter(one.name)) for one in growing.chapters),
                   tuple(one.fingerprint for one in growing.chapters), tuple(reels))


def remove_provisional(match_id: str, settings: Settings) -> None:
    """Take back a provisional match folder, and remove the chapters and what was made of them.

    Raises:
        StorageError: NAS_OUTPUT_PATH is away.
        UntrustedFileError: the match's folder is a link.
    """
    files = WorkFiles(settings.working_dir, match_id)
    withdraw(MatchFolder(settings.nas_output_path, match_id), known_names(REELS))
    remove_tree(ScratchFiles(settings.scratch_dir, match_id).root)
    remove_tree(files.root)
    files.request.unlink(missing_ok=True)


def load_growing(files: WorkFiles, recording: Path) -> Growing:
    """What was cut from a recording so far; nothing where that is missing, damaged or of another recording."""
    fresh = Growing(files.match_id, str(recording))
    try:
        with folder_of(files.growing) as folder:
            found = _from_plain(files.match_id, folder.read_json(files.growing.name, _MOST_BYTES))
    except (OSError, UntrustedFileError, ValueError, KeyError, TypeError, RecursionError):
        return fresh
    is_whole = found.recording == str(recording) and all(is_there(files.chapter(one.name)) for one in found.chapters)
    return found if is_whole else fresh


def save_growing(files: WorkFiles, growing: Growing) -> None:
    """Write down what was cut."""
    write_json(files.growing, {
        "recording": growing.recording,
        "chapters": [[one.name, one.fingerprint] for one in growing.chapters],
        "begin_us": growing.begin_us,
        "following": [growing.following.at, growing.following.time_us] if growing.following else None,
        "tried_bytes": growing.tried_bytes,
    })


def _from_plain(match_id: str, stored: dict[str, Any]) -> Growing:
    recording = stored["recording"]
    chapters = tuple(Chapter(name, digest) for name, digest in stored["chapters"])
    following = Place(*map(_whole, stored["following"])) if stored["following"] else None
    found = Growing(match_id, recording, chapters, _whole(stored["begin_us"]), following,
                    _whole(stored["tried_bytes"]))
    names = [chapter_name(Path(recording), number) for number in range(1, len(chapters) + 1)]
    if [one.name for one in chapters] != names or (found.length_s > 0) != bool(chapters):
        raise ValueError("these are not the chapters of one recording")
    return found


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) >= _LARGEST:
        raise ValueError(f"{value!r} is not a place in a recording")
    return value
