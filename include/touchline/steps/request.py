"""What is to be made of which recordings? The request stands before `probe`, in `request.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from touchline.domain.layout import WorkFiles, is_match_id
from touchline.errors import DamagedResultError, UsageError
from touchline.settings import Settings
from touchline.steps.result import write_json


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
        stored = json.loads(path.read_text())
        return Request(
            stored["match_id"], tuple(stored["recordings"]), tuple(stored["fingerprints"]), tuple(stored["reels"])
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedResultError(f"{path} cannot be read ({error}): register the recording again") from None
