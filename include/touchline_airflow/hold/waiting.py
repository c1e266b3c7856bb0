"""How does a task wait without failing, without a slot and without using up a retry? It is rescheduled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowRescheduleException

from touchline.errors import STOPPED, Failure
from touchline_airflow.failing import fail
from touchline_airflow.hold.hold import Hold, hold

if TYPE_CHECKING:
    from airflow.sdk import Context

LOOK_AGAIN = timedelta(seconds=30)
LEAST_HELD, MOST_HELD = timedelta(seconds=15), timedelta(minutes=5)
BEFORE_THE_END = timedelta(minutes=15)
"""A wait gives up before Airflow ends the run for its time limit: then the reason is still written down."""


def wait(context: Context, log: Any, why: Failure, look_again: timedelta = LOOK_AGAIN) -> NoReturn:
    """Look again in half a minute, or as told; until then it is `up_for_reschedule`, on any host that takes its queue.

    Any task may do so: Airflow does not require a sensor for it, and counts no try.

    Raises:
        AirflowRescheduleException: always, but near the end of the run's time: then the task fails for that reason.
    """
    if is_late(context):
        fail(log, given_up(why).reason, may_retry=False, cause=why.cause)
    log.info("%s", why.reason)
    raise AirflowRescheduleException(datetime.now(UTC) + look_again)


def given_up(why: Failure) -> Failure:
    """What a wait fails with at the end of the run's time."""
    return Failure(why.cause, f"{why.reason} (given up at the end of the run's time)")


def wait_while_held(context: Context, log: Any, working_dir: Path) -> None:
    """Let nothing start while touchline is held.

    Raises:
        AirflowRescheduleException: it is held.
    """
    if held := hold(working_dir):
        wait_for_release(context, log, held)


def wait_for_release(context: Context, log: Any, held: Hold) -> NoReturn:
    """Look again after a tenth of the time that it has been held: soon after a short one, and a long one costs little.

    Raises:
        AirflowRescheduleException: always, but near the end of the run's time, as `wait`.
    """
    look_again = min(max(timedelta(seconds=held.age_sec / 10), LEAST_HELD), MOST_HELD)
    wait(context, log, Failure(STOPPED, held.line), look_again)


def is_late(context: Context) -> bool:
    """Whether the run is about to be ended for its time limit."""
    run, dag = context["dag_run"], context["dag"]
    started, limit = run.start_date, dag.dagrun_timeout
    return bool(started and limit and datetime.now(UTC) > started + limit - BEFORE_THE_END)
