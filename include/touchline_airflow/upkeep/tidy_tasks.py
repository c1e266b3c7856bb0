"""The tasks of `tidy`."""

from __future__ import annotations

import logging
import os
from contextlib import closing
from typing import Any

from airflow.sdk import Connection, get_current_context, task

from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.access.rest import AirflowApi, ApiError
from touchline_airflow.books.leases import ACTIVE_STATES, PROCESS_MATCH, run_state
from touchline_airflow.capacity import pools
from touchline_airflow.capacity.gpu_slots import slots_per_chunk
from touchline_airflow.failing import fail, failing_plainly
from touchline_airflow.metrics.table import STUCK
from touchline_airflow.one_by_one import one_by_one
from touchline_airflow.ops.stuck import find_stuck, set_right
from touchline_airflow.runtime import reaper
from touchline_airflow.runtime.choice import chosen_runtime
from touchline_airflow.runtime.docker_engine import connect
from touchline_airflow.upkeep import tidy

API_CONNECTION = "touchline_api"

log = logging.getLogger("airflow.task")


@task
def close_ended_runs() -> None:
    """Close the matches of runs that ended without `close_match`, and remove what killed attempts left."""
    settings, this = Settings.from_env(), get_current_context()["ti"]
    with failing_plainly(log):
        runs = {run.run_id: run for run in tidy.open_runs(settings)}
        unclosed = one_by_one(runs, lambda run_id: _close(runs[run_id], this, settings), log.error)
        untidy = tidy.remove_orphans(settings, log.info)
    if unclosed or untidy:
        names = dict.fromkeys([runs[run_id].match_id for run_id in unclosed] + untidy)
        fail(log, f"{', '.join(names)} could not be closed or tidied: see above", may_retry=True)


@task
def tidy_host() -> None:
    """Remove what killed tasks left on this machine: scratch folders that no run holds, containers without a task."""
    settings = Settings.from_env()
    untidy = tidy.remove_scratch(settings, log.info)
    _remove_containers(settings)
    if untidy:
        fail(log, f"the scratch folders of {', '.join(untidy)} could not be removed: see above", may_retry=True)


@task
def size_pools() -> None:
    """Make the pools as large as what the Celery workers that answer can do at once; nothing to do without Celery."""
    if not os.environ.get("TOUCHLINE_HOSTS"):
        log.info("TOUCHLINE_HOSTS is empty, one machine does everything: the pools stay as they are")
        return
    from airflow.providers.celery.executors.celery_executor_utils import app

    places = pools.working_places(app)
    if not places:
        fail(log, "no Celery worker answers: the pools stay as they are; see whether Redis runs", may_retry=True)
    log.info("Places to work: %s", places)
    try:
        for line in pools.resize_pools(_api(), places, slots_per_chunk(os.environ)):
            log.info("Pool %s", line)
    except (ApiError, OSError) as error:
        fail(log, f"the pools could not be set: {error}; see the connection {API_CONNECTION}", may_retry=True)


@task
def free_stuck_work() -> None:
    """Let tasks run that their pool would never let run; says which others wait although there is room."""
    try:
        api = _api()
        stuck = find_stuck(api)
        for one in stuck:
            log.warning("%s", one.line)
        for line in set_right(api, stuck):
            log.info("%s", line)
    except (ApiError, OSError) as error:
        fail(log, f"what waits could not be seen: {error}; see the connection {API_CONNECTION}", may_retry=True)
    STUCK.add(sum(one.pool_is_too_small for one in stuck), what="waiting")


def _remove_containers(settings: Settings) -> None:
    """Those whose task no longer runs."""
    if chosen_runtime(os.environ) != "docker":
        log.info("Steps run as processes here: there are no containers")
        return
    this = get_current_context()["ti"]

    def states_of(dag_id: str, run_id: str) -> dict[str, str | None]:
        return dict(this.get_task_states(dag_id, run_ids=[run_id]).get(run_id, {}))

    try:
        with closing(connect()) as client:
            for line in reaper.reap_containers(client, settings, states_of):
                log.info("Removed the container of %s", line)
    except TouchlineError as error:
        fail(log, str(error), may_retry=True)


def _api() -> AirflowApi:
    access = Connection.get(API_CONNECTION)
    return AirflowApi(f"{access.conn_type}://{access.host}:{access.port}", access.login, access.password)


def _close(run: tidy.OpenRun, this: Any, settings: Settings) -> None:
    """Close one run if it has ended."""
    state = run_state(this, run.run_id)
    if state in ACTIVE_STATES or (state is None and not run.begun) or not tidy.is_still_open(run, settings):
        return
    states = this.get_task_states(PROCESS_MATCH, run_ids=[run.run_id]).get(run.run_id, {}) if state else {}
    failure = tidy.close_ended_run(run, state, states, settings)
    log.info("Match %s of run %s: %s", run.match_id, run.run_id, failure.reason if failure else "published")
