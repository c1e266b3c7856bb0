"""When is the summary mailed? For the DAG file: read while it is parsed."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from airflow.sdk import CronTriggerTimetable

from touchline.errors import SettingError
from touchline_airflow.deployment import DeploymentSettings

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


def _daily(deployment: DeploymentSettings) -> CronTriggerTimetable:
    clock = deployment.clock("summary_at")
    return CronTriggerTimetable(f"{clock.minute} {clock.hour} * * *", timezone=deployment.zone.key)
