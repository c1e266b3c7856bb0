"""What is to be made of which recordings? The request comes before `probe`, in a file that no step may write."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from touchline.domain.layout import WorkFiles, is_chapter, is_match_id, match_id
from touchline.domain.text import control_in, shown
from touchline.errors import BadRecordingError, DamagedResultError, TouchlineError, UntrustedFileError, UsageError
from touchline.reels.rules import load_rules
from touchline.results.files import folder_of, write_json
from touchline.results.fingerprint import fingerprint, match_fingerprint
from touchline.settings import Settings
from touchline.sidecars.read import MOST
from touchline.video.demuxer import refuse_special

REELS = tuple(load_rules().reels)
"""All kinds of reels, as `reels/reels.toml` has them."""
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Request:
    """Recordings (absolute paths, in order, with size and fingerprint each) and the reels that are wanted."""

    match_id: str
    recordings: tuple[str, ...]
    fingerprints: tuple[str, ...]
    reels: tuple[str, ...]

    @property
    def is_provisional(self) -> bool:
        """Whether it is made of chapters that were cut from a recording that is still written."""
        return is_chapter(Path(self.recordings[0]), self.match_id)


def make_request(recordings: Sequence[Path], reels: Sequence[str] = REELS) -> Request:
    """Fingerprint the recordings and derive the match id.

    Raises:
        UsageError: no recording, or an unknown reel.
        TouchlineError: a recording is not there; its mount may be away (exit code 1).
        BadRecordingError: a recording is not a plain file, or is empty.
    """
    if not recordings:
        raise UsageError("no recording was named: give one or more files in the order of play")
    if len(recordings) > MOST["recordings"]:
        raise UsageError(f"{len(recordings):,} recordings were named: a match has {MOST['recordings']} at most")
    unknown = [name for name in reels if name not in REELS]
    if unknown or not reels:
        raise UsageError(f"unknown reel {unknown[0]!r}: use {', '.join(REELS)}" if unknown else "no reel was named")
    paths = [_plain_file(path) for path in recordings]
    fingerprints = [fingerprint(path) for path in paths]
    wanted = tuple(name for name in REELS if name in reels)
    proposed = match_id(paths[0].stem, match_fingerprint(fingerprints))
    return Request(proposed, tuple(map(str, paths)), tuple(fingerprints), wanted)


def save_request(request: Request, settings: Settings) -> Path:
    """Write the request of a match to WORKING_DIR; returns the file."""
    path = WorkFiles(settings.working_dir, request.match_id).request
    with suppress(DamagedResultError):
        if load_request(request.match_id, settings) == request:
            return path
    write_json(path, asdict(request))
    return path


def load_request(match_id: str, settings: Settings) -> Request:
    """Read the request of a match.

    Raises:
        UsageError: `match_id` does not have the form of one.
        DamagedResultError: there is no request, or it cannot be read.
    """
    if not is_match_id(match_id):
        raise UsageError(f"{match_id!r} is not a match id: they look like cup-final-0123456789ab")
    path = WorkFiles(settings.working_dir, match_id).request
    try:
        with folder_of(path) as folder:
            stored = folder.read_json(path.name, _MOST_BYTES)
        asked = Request(stored["match_id"], _texts(stored["recordings"]), _texts(stored["fingerprints"]),
                        _texts(stored["reels"]))
        if asked.match_id != match_id or len(asked.recordings) != len(asked.fingerprints):
            raise ValueError("it is that of another match")
        return asked
    except (OSError, UntrustedFileError, ValueError, KeyError, TypeError) as error:
        raise DamagedResultError(f"{path} cannot be read ({error}): register the recording again") from None


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
        raise BadRecordingError(f"{path} is not a plain file: name the recording itself")
    if resolved.stat().st_size == 0:
        raise BadRecordingError(f"{path} is empty: copy the recording again")
    return resolved


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise ValueError("it is not a list of names")
    return tuple(value)
