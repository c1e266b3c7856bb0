"""The tasks of `backup`."""

from __future__ import annotations

import logging
import os

from airflow.sdk import get_current_context, task

from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.failing import failing_plainly
from touchline_airflow.recovery import keep_backups

log = logging.getLogger("airflow.task")


@task
def make_backup() -> None:
    """Make the hourly backup; the first of a day is the daily one too, the first of a week the weekly one."""
    with failing_plainly(log):
        sources = keep_backups.sources_of(os.environ)
        keep_backups.take_backup(sources, DeploymentSettings.from_env().backup_dir, log.info)


@task
def try_restore() -> None:
    """Restore the newest backup into an empty place, once a week or when it is asked for."""
    asked = bool(get_current_context()["params"]["try_restore"])
    with failing_plainly(log):
        sources = keep_backups.sources_of(os.environ)
        if not asked and not keep_backups.trial_is_due(sources):
            log.info("A backup was restored on trial within the last week: nothing to do")
            return
        keep_backups.take_trial(sources, DeploymentSettings.from_env().backup_dir, log.info)
