"""When is a run late? Known when it is created, from its conf: Airflow creates runs without asking our catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.expected import FIRST_RATE, OVERHEAD_SEC

UNKNOWN_LENGTH_SEC = 7200.0
"""Taken for a match whose length nobody said: one that was triggered by hand."""
LONGEST = timedelta(days=7)

Conf = Mapping[str, Any]


def match_due(conf: Conf, now: datetime, deployment: DeploymentSettings) -> datetime | None:
    """MATCH_LATE_FACTOR times what a match of its length normally takes, but MATCH_LATE_MIN at least.

    None for a run of a backfill: that has its own deadline, and its matches wait for each other.
    """
    if conf.get("backfill"):
        return None
    return now + match_allowance(conf, deployment)


def match_allowance(conf: Conf, deployment: DeploymentSettings) -> timedelta:
    """How long the run of a match may take."""
    wanted = timedelta(seconds=min(usual_sec(conf) * deployment.match_late_factor, LONGEST.total_seconds()))
    return max(wanted, timedelta(minutes=deployment.match_late_min))


def usual_sec(conf: Conf) -> float:
    """What the run of a match normally takes: `expected_sec` as the ingest wrote it, else by its length."""
    if expected := _positive(conf.get("expected_sec")):
        return expected
    length_ms = _positive(conf.get("duration_ms"))
    return OVERHEAD_SEC + FIRST_RATE * (length_ms / 1000 if length_ms else UNKNOWN_LENGTH_SEC)


def night_due(_conf: Conf, now: datetime, deployment: DeploymentSettings) -> datetime:
    """The next BACKFILL_DONE_BY."""
    here = now.astimezone(deployment.zone)
    due = datetime.combine(here.date(), deployment.clock("backfill_done_by"), deployment.zone)
    return due if due > here else datetime.combine(here.date() + timedelta(days=1), due.time(), deployment.zone)


def ingest_due(_conf: Conf, now: datetime, deployment: DeploymentSettings) -> datetime:
    """RECORDING_LATE_MIN after its begin: a look at the mount takes five minutes, and the checks of what it found."""
    return now + timedelta(minutes=deployment.recording_late_min)


RULES: dict[str, Callable[[Conf, datetime, DeploymentSettings], datetime | None]] = {
    "process_match": match_due, "nightly_backfill": night_due, "ingest_recordings": ingest_due}


def _positive(value: Any) -> float | None:
    """The conf is what somebody typed."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value > 0 else None
