"""When is a run late? Known when it is created, from its conf: Airflow creates runs without asking our catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from touchline.domain.run_id import is_of_a_night
from touchline_airflow.books.expected import FIRST_RATE, OVERHEAD_SEC
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.local_clock import next_clock

UNKNOWN_LENGTH_SEC = 7200.0
"""Taken for a match whose length nobody said: one that was triggered by hand."""
LONGEST = timedelta(days=7)

Conf = Mapping[str, Any]


@dataclass(frozen=True)
class NewRun:
    """A run that is being created; `kind` is Airflow's run type: scheduled, manual, backfill."""

    run_id: str
    kind: str
    conf: Conf


def due(rule: str, run: NewRun, now: datetime, deployment: DeploymentSettings) -> datetime | None:
    """When a run is late by the rule of its DAG; None: never, as those that a backfill makes.

    Raises:
        SettingError: TIMEZONE or BACKFILL_DONE_BY cannot be understood.
    """
    return None if run.kind == "backfill" else RULES[rule](run, now, deployment)


def _match_due(run: NewRun, now: datetime, deployment: DeploymentSettings) -> datetime | None:
    """MATCH_LATE_FACTOR times what a match of its length normally takes, but MATCH_LATE_MIN at least.

    None for one that nightly_backfill started: that has its own deadline, and its matches wait for all others.
    """
    return None if is_of_a_night(run.run_id) else now + match_allowance(run.conf, deployment)


def _night_due(run: NewRun, now: datetime, deployment: DeploymentSettings) -> datetime | None:
    """The next BACKFILL_DONE_BY; what a person started may take as long as it takes."""
    if run.kind != "scheduled":
        return None
    return next_clock(now, deployment.clock("backfill_done_by"), deployment.zone)


def _ingest_due(_run: NewRun, now: datetime, deployment: DeploymentSettings) -> datetime:
    """RECORDING_LATE_MIN after its start: a look at the mount takes five minutes, and the checks of what it found."""
    return now + timedelta(minutes=deployment.recording_late_min)


RULES: dict[str, Callable[[NewRun, datetime, DeploymentSettings], datetime | None]] = {
    "process_match": _match_due, "nightly_backfill": _night_due, "ingest_recordings": _ingest_due}


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


def _positive(value: Any) -> float | None:
    """The conf is what somebody typed."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value > 0 else None
