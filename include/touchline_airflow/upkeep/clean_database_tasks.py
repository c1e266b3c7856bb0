"""The tasks of `clean_database`."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from airflow.sdk import task

from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.failing import failing_plainly
from touchline_airflow.upkeep import clean_database
from touchline_airflow.upkeep.old_logs import clear_logs
from touchline_airflow.upkeep.vanished import forget_vanished

log = logging.getLogger("airflow.task")


@task
def find_limit() -> dict[str, Any]:
    """Up to which moment everything old goes, and which runs go on; empty where the clock is in doubt."""
    with failing_plainly(log):
        limit = clean_database.find_limit(os.environ, DeploymentSettings.from_env().airflow_keep_days, log.info)
    return {"before": limit.before.isoformat(), "unfinished": list(map(list, limit.unfinished))} if limit else {}


@task
def clean_airflow(limit: dict[str, Any]) -> None:
    """`airflow db clean` for what ended AIRFLOW_KEEP_DAYS ago."""
    if before := _before(limit):
        with failing_plainly(log):
            clean_database.clean_airflow(os.environ, before, log.info)


@task
def clean_catalogue(limit: dict[str, Any]) -> None:
    """Runs and stage times of the same age in the catalogue, and recordings that are gone for as long."""
    if before := _before(limit):
        settings = Settings.from_env()
        with failing_plainly(log):
            gone = clean_database.clean_catalogue(settings, before)
            vanished = forget_vanished(settings, DeploymentSettings.from_env().airflow_keep_days)
        log.info("%d runs and %d recordings that are gone were forgotten; matches, actions and reels stay", gone,
                 vanished)


@task
def clean_logs(limit: dict[str, Any]) -> None:
    """Log files of the same age on this machine."""
    if before := _before(limit):
        base, dag_processor = (Path(conf.get("logging", name)) for name in
                               ("base_log_folder", "dag_processor_child_process_log_directory"))
        with failing_plainly(log):
            clear_logs(base, dag_processor, before, [(dag, run) for dag, run in limit["unfinished"]], log.info)


def _before(limit: dict[str, Any]) -> datetime | None:
    if not limit:
        log.info("Nothing goes tonight: the log of find_limit says why")
        return None
    return datetime.fromisoformat(limit["before"])
