"""The last task of `ingest_recordings` but one: what was checked becomes matches."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from airflow.sdk import get_current_context, task

from touchline.settings import Settings
from touchline_airflow import ingest
from touchline_airflow.failing import fail, failing_plainly
from touchline_airflow.waiting import wait_while_held

log = logging.getLogger("airflow.task")


@task(trigger_rule="all_done")
def register_recordings(due: list[str] | None, complete: Iterable[str | None]) -> list[dict[str, Any]]:
    """Register what is complete; returns the runs that have to be started, also those that an earlier run missed."""
    if due is None:
        fail(log, "wait_for_recording failed: the last line of its log says why", may_retry=False)
    settings = Settings.from_env()
    with failing_plainly(log):
        wait_while_held(get_current_context(), log, settings.working_dir)
        ingest.register_recordings([path for path in complete or () if path], settings, log.info)
        return ingest.pending_runs(settings)
