"""What does a run of `nightly_backfill` ask for, and within which limits? From Airflow's context."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from touchline_airflow.backfill.night import Night, night_of
from touchline_airflow.backfill.survey import Told, Wish
from touchline_airflow.deployment import DeploymentSettings

if TYPE_CHECKING:
    from airflow.sdk import Context

OUTCOME = "outcome"
"""Key of the XCom by which a task says what became of its match."""


def wish_of(context: Context) -> Wish:
    """Only a backfill run is bound to the days of its interval; one that a person started also takes what failed often.

    Raises:
        SettingError: TIMEZONE is not known.
    """
    run, deployment, wanted = context["dag_run"], DeploymentSettings.from_env(), context["params"].get("outdated")
    outdated = deployment.backfill_outdated == "true" if wanted is None else bool(wanted)
    days = None
    if _kind(run) == "backfill" and run.data_interval_start and run.data_interval_end:
        days = (run.data_interval_start.astimezone(deployment.zone).date(),
                run.data_interval_end.astimezone(deployment.zone).date())
    return Wish(outdated, days, stubborn=_kind(run) != "scheduled")


def night_of_run(context: Context) -> Night:
    """Its limits.

    Raises:
        SettingError: TIMEZONE or WORKING_DAY_BEGINS cannot be understood.
    """
    run = context["dag_run"]
    return night_of(run.start_date or datetime.now(UTC), scheduled_for(run), context["params"],
                    DeploymentSettings.from_env())


def scheduled_for(run: Any) -> datetime | None:
    """The moment for which Airflow's schedule made this run; None for a run that a person asked for."""
    return (run.data_interval_end or run.run_after) if _kind(run) == "scheduled" else None


def note_outcome(context: Context, recording: str, told: Told) -> None:
    """Leave it for the run's last task."""
    context["ti"].xcom_push(OUTCOME, [recording, told.outcome, told.match, told.line])


def _kind(run: Any) -> str:
    return str(getattr(run.run_type, "value", run.run_type))
