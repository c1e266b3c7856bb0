"""The tasks of `process_match` that run no step: the lists that are mapped over, and the end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from airflow.sdk import get_current_context, task

from touchline.domain.layout import CHUNK_ID, WorkFiles
from touchline.errors import INFRASTRUCTURE, DamagedResultError, Failure
from touchline.results.request import REELS, load_request
from touchline.results.result import reading_result
from touchline.settings import Settings
from touchline_airflow.books.leases import PROCESS_MATCH
from touchline_airflow.failing import fail, failing_plainly
from touchline_airflow.ingest.growing import end_provisional_matches
from touchline_airflow.lots import longest_list
from touchline_airflow.match import close_match as closing
from touchline_airflow.match.failure_mail import tell_failed_match
from touchline_airflow.match.open_match import REFUSED
from touchline_airflow.metrics.run_ended import run_refused

log = logging.getLogger("airflow.task")
_UNOPENED = Failure(INFRASTRUCTURE, "open_match did not open the match: the last line of its log says why")


@task
def list_chunks(match_id: str) -> list[str]:
    """Ids of the chunks that `plan_chunks` made; none is normal for a match in which nothing moves."""
    path = WorkFiles(Settings.from_env().working_dir, match_id).chunks
    with failing_plainly(log), reading_result(path) as planned:
        return checked([chunk["chunk_id"] for chunk in planned["chunks"]], CHUNK_ID.fullmatch)


@task
def list_reels(match_id: str) -> list[str]:
    """Names of the reels that were asked for."""
    with failing_plainly(log):
        return checked(list(load_request(match_id, Settings.from_env()).reels), REELS.__contains__)


def checked(parts: list[str], is_one: Callable[[str], object]) -> list[str]:
    """The same parts; a step's container can write its result as it likes, and each part becomes a task.

    Raises:
        DamagedResultError: one is not such a name, is there twice, or there are more than Airflow makes tasks of.
    """
    for part in parts:
        if not is_one(part):
            raise DamagedResultError(f"{part!r} is not the name of a chunk or a reel: run the step before again")
    if len(set(parts)) < len(parts) or len(parts) > longest_list():
        raise DamagedResultError(f"{len(parts)} chunks or reels, where each may be there once and {longest_list()} at "
                                 "most: set CHUNK_DURATION_SEC higher")
    return parts


@task(trigger_rule="all_done")
def close_match(match_id: str | None) -> None:
    """Write how the run ended; fails when the match was not published, so that the run's state is true."""
    context = get_current_context()
    run_id: str = context["run_id"]
    this: Any = context["ti"]
    if not match_id:
        refused = this.xcom_pull(task_ids="open_match", key=REFUSED)
        unopened = Failure(**refused) if refused else _UNOPENED
        tell_failed_match(context["params"].get("match_id"), run_id, unopened.reason, Settings.from_env())
        if this.try_number == 1:  # cleared and refused again it is still one run
            run_refused(context["params"].get("match_id"), unopened, Settings.from_env())
        fail(log, unopened.reason, may_retry=False)
    states = this.get_task_states(PROCESS_MATCH, run_ids=[run_id]).get(run_id, {})
    others = {name: state for name, state in states.items() if name != this.task_id}
    with failing_plainly(log):
        failure = closing.close_match(match_id, run_id, others, Settings.from_env())
        end_provisional_matches(Settings.from_env(), log.info)
    if failure:
        fail(log, failure.reason, may_retry=False)
