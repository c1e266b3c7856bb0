"""The tasks of `clean_database`."""

from __future__ import annotations

import logging
import os

from airflow.sdk import task

from touchline.settings import Settings
from touchline_airflow import clean_database
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.failing import failing_plainly
from touchline_airflow.vanished import forget_vanished

log = logging.getLogger("airflow.task")


@task
def clean_airflow() -> None:
    """`airflow db clean` for what ended AIRFLOW_KEEP_DAYS ago."""
    with failing_plainly(log):
        clean_database.clean_airflow(os.environ, DeploymentSettings.from_env().airflow_keep_days, log.info)


@task
def clean_catalogue() -> None:
    """Runs and stage times of the same age in the catalogue, and recordings that are gone for as long."""
    settings, keep_days = Settings.from_env(), DeploymentSettings.from_env().airflow_keep_days
    with failing_plainly(log):
        gone = clean_database.clean_catalogue(settings, keep_days)
        vanished = forget_vanished(settings, keep_days)
    log.info("%d runs and %d recordings that are gone were forgotten; matches, actions and reels stay", gone, vanished)
