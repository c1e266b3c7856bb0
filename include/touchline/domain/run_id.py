"""What is the run of a match called? From its id one tells who started it.

match__final-0123456789ab__1      the ingest, for the first attempt at this match
nightly__final-0123456789ab__2    a night of `nightly_backfill`: the second run that a night started
backfill__…                       `airflow backfill create`
manual__…, or anything else       a person
"""

from __future__ import annotations

_INGEST = "match__"
_NIGHT = "nightly__"
_BACKFILL = ("backfill__", _NIGHT)


def ingest_run_id(match_id: str, attempt: int | str) -> str:
    """The run that the ingest starts for an attempt at a match, by its number; the demo gives its own a word."""
    return f"{_INGEST}{match_id}__{attempt}"


def night_run_id(match_id: str, number: int) -> str:
    """The run that a night starts for a match, the first one with number 1."""
    return f"{_NIGHT}{match_id}__{number}"


def is_of_the_ingest(run_id: str) -> bool:
    """Whether the ingest started the run."""
    return run_id.startswith(_INGEST)


def is_of_a_backfill(run_id: str) -> bool:
    """Whether a night of `nightly_backfill` started the run, or `airflow backfill create`."""
    return run_id.startswith(_BACKFILL)


def is_of_a_night(run_id: str) -> bool:
    """Whether a night of `nightly_backfill` started the run."""
    return run_id.startswith(_NIGHT)


def match_of_night(run_id: str) -> str:
    """The match for which a night started this run."""
    return run_id.removeprefix(_NIGHT).rpartition("__")[0]
