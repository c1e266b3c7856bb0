"""What becomes of a match whose recording was deleted before its run began?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from touchline.catalogue import matches, recordings
from touchline.catalogue.failures import columns_of
from touchline.catalogue.matches import Match
from touchline.domain.text import shown
from touchline.errors import STORAGE, Failure
from touchline.settings import Settings
from touchline_airflow.mount.gone import is_gone

GONE = "its recording is gone from the NAS: copy it there again"


def withdraw_gone(settings: Settings, say: Callable[[str], None]) -> None:
    """No run begins for a match whose recording is gone; another one with the same content takes its place.

    Without another one the match has failed, until the recording is back: then `register_recordings` takes it up.
    """
    address = settings.catalogue_address
    for match in matches.without_run(address):
        if not is_gone(Path(match.recording), settings):
            continue
        recordings.update(address, match.recording, status="waiting", reason=GONE)
        if other := _same_content(match, settings):
            recordings.update(address, other, status="registered", reason=None)
            matches.update(address, match.match_id, recording=other)
            say(shown(f"{match.match_id}: {match.recording} is gone, {other} has the same content and takes its place"))
        else:
            matches.update(address, match.match_id, status="failed", **columns_of(Failure(STORAGE, GONE)))
            say(shown(f"{match.match_id} is not made: {match.recording} is gone"))


def is_withdrawn(match: Match) -> bool:
    """Whether it waits for its recording to come back."""
    return (match.status, match.reason) == ("failed", GONE)


def _same_content(match: Match, settings: Settings) -> str | None:
    """A duplicate that is still there."""
    return next((row.path for row in recordings.every(settings.catalogue_address).values()
                 if row.match_id == match.match_id and row.status == "duplicate" and row.path != match.recording
                 and Path(row.path).exists() and not is_gone(Path(row.path), settings)), None)
