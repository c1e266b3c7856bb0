"""The tasks of `tidy`."""

from __future__ import annotations

import logging
import os
from contextlib import closing
from typing import Any

from airflow.sdk import get_current_context, task

from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow import reaper, tidy
from touchline_airflow.engine import connect
from touchline_airflow.failing import fail
from touchline_airflow.leases import ACTIVE_STATES, PROCESS_MATCH, run_state
from touchline_airflow.runtime import chosen_runtime

log = logging.getLogger("airflow.task")


@task
def close_ended_runs() -> None:
    """Close the matches of runs that ended without `close_match`, and remove what killed attempts left."""
    settings, this = Settings.from_env(), get_current_context()["ti"]
    unclosed = [run for run in tidy.open_runs(settings) if not _close(run, this, settings)]
    tidy.remove_orphans(settings, log.info)
    if unclosed:
        fail(log, f"{', '.join(run.match_id for run in unclosed)} could not be closed: see above", may_retry=True)


@task
def reap_containers() -> None:
    """Remove the containers of this host whose task no longer runs; the same task's next try does so too."""
    if chosen_runtime(os.environ) != "docker":
        log.info("Steps run as processes here: there are no containers")
        return
    this = get_current_context()["ti"]

    def states_of(dag_id: str, run_id: str) -> dict[str, str | None]:
        return dict(this.get_task_states(dag_id, run_ids=[run_id]).get(run_id, {}))

    try:
        with closing(connect()) as client:
            for line in reaper.reap_containers(client, Settings.from_env(), states_of):
                log.info("Removed the container of %s", line)
    except TouchlineError as error:
        fail(log, str(error), may_retry=True)


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
