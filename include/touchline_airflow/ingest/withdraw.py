"""What becomes of a match whose recording was deleted before its run began?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from touchline.catalogue import matches, recordings
from touchline.catalogue.failures import columns_of
from touchline.catalogue.matches import Match, Source
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
        sources = [_there(match, source, settings, say) for source in match.sources]
        if all(sources) and tuple(sources) != match.sources:
            matches.set_sources(address, match.match_id, [one for one in sources if one])
        elif not all(sources):
            matches.update(address, match.match_id, status="failed", **columns_of(Failure(STORAGE, GONE)))


def _there(match: Match, source: Source, settings: Settings, say: Callable[[str], None]) -> Source | None:
    """The recording, or the other one that has its content where it is gone; None where none is there."""
    address = settings.catalogue_address
    if not is_gone(Path(source.path), settings):
        return source
    recordings.update(address, source.path, status="waiting", reason=GONE)
    other = _same_content(match, source, settings)
    if other is None:
        say(shown(f"{match.match_id} is not made: {source.path} is gone"))
        return None
    recordings.update(address, other, status="registered", reason=None)
    say(shown(f"{match.match_id}: {source.path} is gone, {other} has the same content and takes its place"))
    return replace(source, path=other)


def is_withdrawn(match: Match) -> bool:
    """Whether it waits for its recording to come back."""
    return (match.status, match.reason) == ("failed", GONE)


def _same_content(match: Match, source: Source, settings: Settings) -> str | None:
    """A duplicate that is still there; of one that an earlier release wrote down the match tells the content."""
    return next((row.path for row in recordings.every(settings.catalogue_address).values()
                 if row.match_id == match.match_id and row.status == "duplicate" and row.path != source.path
                 and (row.fingerprint or match.fingerprint) == source.fingerprint
                 and Path(row.path).exists() and not is_gone(Path(row.path), settings)), None)
