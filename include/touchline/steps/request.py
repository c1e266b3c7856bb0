"""What is to be made of which recordings? The request stands before `probe`, in a file that no step may write."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from touchline.domain.layout import WorkFiles, is_match_id
from touchline.errors import DamagedResultError, UntrustedFileError, UsageError
from touchline.settings import Settings
from touchline.steps.result import folder_of, write_json

_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Request:
    """Recordings (absolute paths, in order, with size and fingerprint each) and the reels that are wanted."""

    match_id: str
    recordings: tuple[str, ...]
    fingerprints: tuple[str, ...]
    reels: tuple[str, ...]


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
        UsageError: `match_id` has not the form of one.
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


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise ValueError("it is no list of names")
    return tuple(value)
