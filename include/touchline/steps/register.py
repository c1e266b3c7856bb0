"""Which recordings make the match, and what is its id?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from touchline.domain.layout import match_id
from touchline.domain.text import control_in, shown
from touchline.errors import BadRecordingError, TouchlineError, UsageError
from touchline.settings import Settings
from touchline.steps.request import Request, save_request
from touchline.video.demuxer import refuse_special

REELS = ("highlights", "keeper")
_SAMPLES = 16
_SAMPLE_BYTES = 1 << 20


def register_match(recordings: Sequence[Path], settings: Settings, reels: Sequence[str] = REELS) -> Request:
    """Fingerprint the recordings, derive the match id and write the request.

    Raises:
        UsageError: no recording, or an unknown reel.
        TouchlineError: a recording is not there; its mount may be away (exit code 1).
        BadRecordingError: a recording is no plain file, or is empty.
    """
    request = make_request(recordings, reels)
    save_request(request, settings)
    return request


def make_request(recordings: Sequence[Path], reels: Sequence[str] = REELS) -> Request:
    """As `register_match`, without writing anything."""
    if not recordings:
        raise UsageError("no recording was named: give one or more files in the order of play")
    unknown = [name for name in reels if name not in REELS]
    if unknown or not reels:
        raise UsageError(f"unknown reel {unknown[0]!r}: use {', '.join(REELS)}" if unknown else "no reel was named")
    paths = [_plain_file(path) for path in recordings]
    fingerprints = [fingerprint(path) for path in paths]
    wanted = tuple(name for name in REELS if name in reels)
    proposed = match_id(paths[0].stem, match_fingerprint(fingerprints))
    return Request(proposed, tuple(map(str, paths)), tuple(fingerprints), wanted)


def match_fingerprint(fingerprints: Sequence[str]) -> str:
    """That of a match from those of its recordings in their order: the content of one, or all of them together."""
    return fingerprints[0] if len(fingerprints) == 1 else hashlib.sha256("".join(fingerprints).encode()).hexdigest()


def fingerprint(path: Path) -> str:
    """Hex sha256 of the size and of 16 MiB sampled evenly over the file (all of it when it is smaller)."""
    with open(path, "rb", opener=_without_waiting) as handle:
        return fingerprint_of(handle)


def fingerprint_of(handle: BinaryIO) -> str:
    """The fingerprint of an opened file."""
    size = os.fstat(handle.fileno()).st_size
    digest = hashlib.sha256(str(size).encode())
    span = max(0, size - _SAMPLE_BYTES)
    offsets = sorted({span * number // (_SAMPLES - 1) for number in range(_SAMPLES)})
    for offset in offsets:
        handle.seek(offset)
        digest.update(handle.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def _without_waiting(path: str, flags: int) -> int:
    """A pipe that took the place of the file must not hold us up."""
    return os.open(path, flags | os.O_NONBLOCK)


def refuse_control_characters(recording: Path) -> None:
    """Names go into lines of logs, pages and mails: one that holds a line break or the like is not taken.

    Raises:
        BadRecordingError: this one does, or a folder on its way.
    """
    if control := control_in(str(recording)):
        raise BadRecordingError(f"{shown(str(recording))} has the control character {control} in its name: rename it")


def _plain_file(path: Path) -> Path:
    refuse_control_characters(path)
    resolved = path.resolve()
    refuse_special(resolved)
    if not resolved.exists():
        raise TouchlineError(f"{path} is not there: check the name and the mount")
    if not resolved.is_file():
        raise BadRecordingError(f"{path} is no plain file: name the recording itself")
    if resolved.stat().st_size == 0:
        raise BadRecordingError(f"{path} is empty: copy the recording again")
    return resolved
