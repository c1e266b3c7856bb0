"""The tasks of `retention`."""

from __future__ import annotations

import logging
from collections.abc import Callable

from airflow.sdk import get_current_context, task

from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.failing import failing_plainly
from touchline_airflow.upkeep import retention
from touchline_airflow.upkeep.sweep import sweep

log = logging.getLogger("airflow.task")


@task
def note_pins() -> None:
    """Write down which match folders hold a file `KEEP`."""
    with failing_plainly(log):
        pinned = retention.note_pins(Settings.from_env())
    log.info("Pinned: %s", ", ".join(pinned) or "none")


@task
def clear_results() -> None:
    """WORKING_DIR, and what the manifests of the match folders do not name any more."""
    _clear(retention.plan_results)


@task
def clear_scratch() -> None:
    """SCRATCH_DIR of this host."""
    _clear(retention.plan_scratch)


def _clear(make_plan: Callable[[Settings, DeploymentSettings], retention.Plan]) -> None:
    params = get_current_context()["params"]
    with failing_plainly(log):
        settings, deployment = Settings.from_env(), DeploymentSettings.from_env()
        plan = make_plan(settings, deployment)
        for line in retention.describe(plan):
            log.info("%s: %s", "Would go" if params["dry_run"] else "Goes", line)
        if not params["confirm"]:
            retention.refuse_too_much(plan, deployment.retention_most_percent)
        if not params["dry_run"]:
            sweep(plan, settings, log.info)
