"""May a run of `nightly_backfill` start one more match, and is it its turn?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from touchline.catalogue import matches, runs
from touchline.catalogue.connection import now_ms
from touchline.domain.moment import elapsed_ms
from touchline.domain.run_id import is_of_a_night
from touchline.settings import Settings
from touchline_airflow.books.costs import cost_of
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import hold
from touchline_airflow.local_clock import next_clock

FORGOTTEN_MS = 3_600_000
"""A match that was registered this long ago without a run having begun is not the day's work: it waits for us."""


@dataclass(frozen=True)
class Night:
    """What limits a run: from when its GPU hours count, how many (0: any), and when it ends (None: never)."""

    begun_ms: int
    gpu_hours: float
    ends_ms: int | None

    def plain(self) -> dict[str, Any]:
        """For a trigger's arguments."""
        return asdict(self)


def night_of(begun: datetime, scheduled_for: datetime | None, params: Mapping[str, Any],
             deployment: DeploymentSettings) -> Night:
    """The limits of a run that began at `begun`.

    A scheduled one ends with the first WORKING_DAY_BEGINS after the moment it was scheduled for, and takes
    BACKFILL_GPU_HOURS. One that a person started (`scheduled_for` None) goes on as long as there is work. The param
    `gpu_hours` overrides both.

    Raises:
        SettingError: TIMEZONE or WORKING_DAY_BEGINS cannot be understood.
    """
    wanted, begun_ms = params.get("gpu_hours"), round(begun.timestamp() * 1000)
    if scheduled_for is None:
        return Night(begun_ms, float(wanted or 0), None)
    ends = next_clock(scheduled_for, deployment.clock("working_day_begins"), deployment.zone)
    hours = deployment.backfill_gpu_hours if wanted is None else float(wanted)
    return Night(begun_ms, hours, round(ends.timestamp() * 1000))


def over(night: Night, settings: Settings) -> str | None:
    """Why no further match is started in this run; None while there is time and budget."""
    if night.ends_ms is not None and now_ms() >= night.ends_ms:
        return "the working day has begun: left for the next night"
    if not night.gpu_hours:
        return None
    stages = runs.stages_since(settings.catalogue_address, night.begun_ms)
    hours = cost_of(stages, DeploymentSettings()).gpu_seconds / 3600
    if hours >= night.gpu_hours:
        return f"the night took {hours:.1f} of {night.gpu_hours:g} GPU hours: left for the next night"
    return None


def not_now(settings: Settings) -> str | None:
    """Why a further match has to wait: touchline is held, or the day has work; None when it is its turn."""
    if held := hold(settings.working_dir):
        return held.line
    address = settings.catalogue_address
    for match in matches.without_run(address):
        if elapsed_ms(match.updated_at_ms, now_ms()) < FORGOTTEN_MS:
            return f"{match.match_id} came in and goes first"
    for run_id, match_id in runs.open_runs(address):
        if not is_of_a_night(run_id):
            return f"{match_id} of run {run_id} goes first"
    return None
