"""The tasks of `tidy`."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import get_current_context, task

from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow import tidy
from touchline_airflow.failing import fail
from touchline_airflow.leases import ACTIVE_STATES, PROCESS_MATCH, run_state

log = logging.getLogger("airflow.task")


@task
def close_ended_runs() -> None:
    """Close the matches of runs that ended without `close_match`, and remove what killed attempts left."""
    settings, this = Settings.from_env(), get_current_context()["ti"]
    unclosed = [run for run in tidy.open_runs(settings) if not _close(run, this, settings)]
    tidy.remove_orphans(settings, log.info)
    if unclosed:
        fail(log, f"{', '.join(run.match_id for run in unclosed)} could not be closed: see above", may_retry=True)


def _close(run: tidy.OpenRun, this: Any, settings: Settings) -> bool:
    """Close one run if it has ended; False when that was tried in vain."""
    state = run_state(this, run.run_id)
    if state in ACTIVE_STATES or (state is None and not run.begun) or not tidy.is_still_open(run, settings):
        return True
    states = this.get_task_states(PROCESS_MATCH, run_ids=[run.run_id]).get(run.run_id, {}) if state else {}
    try:
        reason = tidy.close_ended_run(run, state, states, settings)
    except (OSError, TouchlineError) as error:
        log.error("%s: %s", run.match_id, error)
        return False
    log.info("Match %s of run %s: %s", run.match_id, run.run_id, reason or "published")
    return True
