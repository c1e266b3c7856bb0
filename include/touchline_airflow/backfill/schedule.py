"""When does `nightly_backfill` run, and which day is whose? For the DAG file: read while it is parsed."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from airflow.sdk import CronDataIntervalTimetable

from touchline.errors import SettingError
from touchline_airflow.deployment import DeploymentSettings

MIDNIGHT = "0 0 * * *"

log = logging.getLogger(__name__)


def every_midnight(environ: Mapping[str, str]) -> CronDataIntervalTimetable:
    """Every midnight in TIMEZONE, so that the interval of a run is one day of the calendar there.

    A plain cron expression would give an empty interval. A zone that is not known counts as UTC: a DAG that is gone
    because of a typing error would be worse, and its tasks say what is wrong.
    """
    try:
        zone = DeploymentSettings.from_env({"TIMEZONE": environ.get("TIMEZONE", "")}).zone.key
    except SettingError as error:
        log.warning("%s; UTC is taken", error)
        zone = "UTC"
    return CronDataIntervalTimetable(MIDNIGHT, timezone=zone)
