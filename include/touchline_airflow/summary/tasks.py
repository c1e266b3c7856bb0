"""The task of `morning_summary`."""

from __future__ import annotations

import logging

from airflow.sdk import get_current_context, task

from touchline.settings import Settings
from touchline_airflow.backfill.airflow_run import scheduled_for
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.failing import fail, failing_plainly
from touchline_airflow.mail import notes
from touchline_airflow.mail.send import FAILED, send_mail
from touchline_airflow.summary.day import day_since
from touchline_airflow.summary.mails import letters
from touchline_airflow.summary.schedule import since_when

log = logging.getLogger("airflow.task")


@task
def mail_summary() -> None:
    """Collect what happened and mail it; what it says is in the log, too."""
    with failing_plainly(log):
        settings, deployment = Settings.from_env(), DeploymentSettings.from_env()
        since = since_when(scheduled_for(get_current_context()["dag_run"]), deployment)
        found = letters(day_since(since, settings, deployment), settings, deployment)
        notes.forget_old(settings.working_dir)
    log.info("%s", found[0].as_text())
    if FAILED in [send_mail(letter) for letter in found]:
        fail(log, "a mail did not go out: a line above says why", may_retry=True)
