"""How does a task wait for space without failing, without a slot and without using up a retry? It is rescheduled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowRescheduleException

from touchline_airflow.failing import fail

if TYPE_CHECKING:
    from airflow.sdk import Context

LOOK_AGAIN = timedelta(seconds=30)
BEFORE_THE_END = timedelta(minutes=15)
"""A wait gives up before Airflow ends the run for its time limit: then the reason is still written down."""


def wait(context: Context, log: Any, line: str) -> NoReturn:
    """Look again in half a minute; the task is `up_for_reschedule` until then, on any host that takes its queue.

    Any operator may do so: Airflow asks for no sensor, and counts no try.

    Raises:
        AirflowRescheduleException: always, but near the end of the run's time: then the task fails with the line.
    """
    if is_late(context):
        fail(log, f"{line} (given up at the end of the run's time)", may_retry=False)
    log.info("%s", line)
    raise AirflowRescheduleException(datetime.now(UTC) + LOOK_AGAIN)


def is_late(context: Context) -> bool:
    """Whether the run is about to be ended for its time limit."""
    run, dag = context["dag_run"], context["dag"]
    started, limit = run.start_date, dag.dagrun_timeout
    return bool(started and limit and datetime.now(UTC) > started + limit - BEFORE_THE_END)
