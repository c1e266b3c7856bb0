"""When is the summary mailed, and of which time does it tell? The DAG file reads the schedule while it is parsed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from airflow.sdk import CronTriggerTimetable

from touchline.errors import SettingError
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.local_clock import clock_on

log = logging.getLogger(__name__)


def each_morning(environ: Mapping[str, str]) -> CronTriggerTimetable:
    """Every day at SUMMARY_AT in TIMEZONE; where one of them cannot be understood, at the defaults of both.

    A DAG that is gone because of a typing error would be worse, and its task says what is wrong.
    """
    wanted = {name: environ.get(name, "") for name in ("SUMMARY_AT", "TIMEZONE")}
    try:
        return _daily(DeploymentSettings.from_env(wanted))
    except SettingError as error:
        log.warning("%s; the default is taken", error)
        return _daily(DeploymentSettings())


def since_when(scheduled_for: datetime | None, deployment: DeploymentSettings, now: datetime | None = None) -> datetime:
    """The moment from which a summary tells: for a scheduled one from SUMMARY_AT of the day before, else 24 hours.

    So each moment is in one of them, also on days of 23 and 25 hours, and when one is late.

    Raises:
        SettingError: TIMEZONE or SUMMARY_AT cannot be understood.
    """
    if scheduled_for is None:
        return (now or datetime.now(UTC)) - timedelta(days=1)
    day = scheduled_for.astimezone(deployment.zone).date() - timedelta(days=1)
    return clock_on(day, deployment.clock("summary_at"), deployment.zone)


def _daily(deployment: DeploymentSettings) -> CronTriggerTimetable:
    clock = deployment.clock("summary_at")
    return CronTriggerTimetable(f"{clock.minute} {clock.hour} * * *", timezone=deployment.zone.key)
