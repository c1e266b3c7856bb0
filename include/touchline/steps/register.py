"""Which recordings make the match, and what is its id?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from touchline.results.request import REELS, Request, make_request, save_request
from touchline.settings import Settings


def register_match(recordings: Sequence[Path], settings: Settings, reels: Sequence[str] = REELS) -> Request:
    """Fingerprint the recordings, derive the match id and write the request.

    Raises:
        TouchlineError: as `make_request`.
    """
    request = make_request(recordings, reels)
    save_request(request, settings)
    return request
