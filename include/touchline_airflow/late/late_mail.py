"""What do we say about a run that is late, and which runs do we not mention? The work behind a missed deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.books.leases import PROCESS_MATCH
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import hold
from touchline_airflow.late import due
from touchline_airflow.late.run_state import RunNow, TaskNow, look_at
from touchline_airflow.mail import links
from touchline_airflow.mail.letter import Letter, Line, Section
from touchline_airflow.mail.send import FAILED, send_mail
from touchline_airflow.mail.words import moment, span
from touchline_airflow.match.failure_mail import tell_failed_run, title_of
from touchline_airflow.metrics.table import DEADLINES_MISSED

SHOWN = 8

TO_DO = {
    "running": "Running: the last line of the task's log says what it does. If no line came for a quarter of an hour "
               "and the machine is idle, clear the task. Slow footage or a slow NAS: docs/runbooks/slow-nas.md; "
               "a GPU: docs/runbooks/gpu-trouble.md.",
    "deferred": "Deferred: it waits for something outside Airflow, in the triggerer: see whether that is up (the "
                "health page in the UI), then whether what it waits for is there.",
    "queued": "Queued: it waits for a worker: see whether the worker of its queue is up and whether its pool has free "
              "slots (Admin, Pools).",
    "scheduled": "Scheduled: it waits for a free slot: see what holds the slots of its pool (Admin, Pools).",
    "up_for_retry": "Up for retry: a try failed and the next one comes: the last line of the task's log says why.",
    "up_for_reschedule": "Up for reschedule: it waits for its turn or for space: the last line of the task's log says "
                         "for what.",
}
NOT_BEGUN = ("No task has begun. Either all slots are taken (then it begins by itself: see the runs before it), or "
             "the scheduler is down, the DAG is paused, or touchline is held: `touchline-ops status` says which.")


@dataclass(frozen=True)
class Missed:
    """A run whose deadline has passed, as Airflow's callback names it."""

    dag_id: str
    run_id: str
    conf: Mapping[str, Any]
    due: datetime


def tell_late(missed: Missed) -> str | None:
    """Look at the run again and mail where it is; returns what became of the mail, None where there was none to send.

    A run that ended well is not late; one that failed gets its failure mail, where it had none.
    """
    try:
        run = look_at(missed.dag_id, missed.run_id)
    except TouchlineError as error:
        return send_mail(letter(missed, None, f"Its present state cannot be read: {error}"))
    if run is None or run.state == "success":
        return None
    if run.has_ended:
        return tell_failed_run(missed.dag_id, missed.run_id, run.failed)
    outcome = send_mail(letter(missed, run))
    if outcome != FAILED:
        DEADLINES_MISSED.add(dag=missed.dag_id)
    return outcome


def letter(missed: Missed, run: RunNow | None, trouble: str = "") -> Letter:
    """What is late, at which step, since when, what is normal, where to look, what to do."""
    deployment = DeploymentSettings.from_env()
    name, zone = _name(missed), deployment.zone
    steps = run.tasks if run else ()
    lead = f"{name} should have been done by {moment(missed.due, zone)} and is not{_at(run)}."
    what = [Line("Run", missed.run_id, links.run_page(missed.dag_id, missed.run_id))]
    if run and run.queued_at:
        what.append(Line("Waiting since" if not run.started_at else "Asked for", moment(run.queued_at, zone)))
    if run and run.started_at:
        what.append(Line("Begun", moment(run.started_at, zone)))
    what += [Line(task.name, _since(task, deployment)) for task in steps[:SHOWN]]
    if len(steps) > SHOWN:
        what.append(Line("…", f"and {len(steps) - SHOWN} more tasks"))
    to_do = [trouble] if trouble else []
    if held := _held():
        to_do.append(f"touchline is {held}. Nothing new begins until somebody runs `touchline-ops resume`.")
    to_do += list(dict.fromkeys(TO_DO[task.state] for task in steps if task.state in TO_DO)) or [NOT_BEGUN]
    sections = (Section("What is late", lines=tuple(what)), Section("What is normal", words=(_normal(missed),)),
                Section("What to do", words=tuple(to_do)))
    return Letter("deadline", "operator", _key(missed, run), f"Late: {name}", lead, sections)


def _at(run: RunNow | None) -> str:
    if run is None:
        return ", it seems"
    return f": it is at {run.tasks[0].name} ({_state(run.tasks[0])})" if run.tasks else ": no task has begun"


def _held() -> str:
    """By whom and why, where touchline is held."""
    try:
        found = hold(Settings.from_env().working_dir)
    except OSError:
        return ""
    return found.line if found else ""


def _key(missed: Missed, run: RunNow | None) -> str:
    """Runs that have not begun wait for the same reason: one mail for all of them."""
    if run and not run.started_at:
        return f"late {missed.dag_id} waiting"
    return f"late {missed.dag_id} {missed.run_id}"


def _name(missed: Missed) -> str:
    if missed.dag_id != PROCESS_MATCH:
        return missed.dag_id
    match_id = missed.conf.get("match_id")
    return title_of(match_id, Settings.from_env()) if isinstance(match_id, str) else str(
        missed.conf.get("recording") or missed.run_id)


def _state(task: TaskNow) -> str:
    return task.state.replace("_", " ")


def _since(task: TaskNow, deployment: DeploymentSettings) -> str:
    return _state(task) + (f" since {moment(task.since, deployment.zone)}" if task.since else "")


def _normal(missed: Missed) -> str:
    deployment = DeploymentSettings.from_env()
    if missed.dag_id == "nightly_backfill":
        return f"The night's work is done by {deployment.backfill_done_by} (BACKFILL_DONE_BY)."
    if missed.dag_id == "ingest_recordings":
        return ("A run takes five minutes and the checks of what it found; it is late after "
                f"{deployment.recording_late_min:g} minutes (RECORDING_LATE_MIN). No new recording is taken meanwhile.")
    is_known = missed.conf.get("duration_ms") or missed.conf.get("expected_sec")
    what = "A match of this length" if is_known else "A match whose length is not known"
    usual, allowed = timedelta(seconds=due.usual_sec(missed.conf)), due.match_allowance(missed.conf, deployment)
    rule = f"{deployment.match_late_factor:g} times as long, at least {deployment.match_late_min:g} minutes"
    return (f"{what} normally takes {span(usual)} here. It is late after {span(allowed)}: {rule} (MATCH_LATE_FACTOR, "
            "MATCH_LATE_MIN).")
