"""How far is a run at this moment? The triggerer reads it in Airflow's database."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Integer, Row, String, column, select, table

from touchline_airflow.databases.address import metadata_url
from touchline_airflow.databases.connection import Database, connecting

ENDED = ("success", "failed")
UNFINISHED = ("running", "restarting", "deferred", "up_for_retry", "up_for_reschedule", "queued", "scheduled")
"""In this order: what works or waits for something says more than what waits for it."""
_MOMENT = DateTime(timezone=True)
_RUNS = table("dag_run", column("dag_id", String), column("run_id", String), column("state", String),
              column("start_date", _MOMENT), column("queued_at", _MOMENT))
_TASKS = table("task_instance", column("dag_id", String), column("run_id", String), column("task_id", String),
               column("map_index", Integer), column("rendered_map_index", String), column("state", String),
               column("start_date", _MOMENT), column("queued_dttm", _MOMENT), column("scheduled_dttm", _MOMENT),
               column("end_date", _MOMENT))


@dataclass(frozen=True)
class TaskNow:
    """One task instance that has not ended; `since` is None where Airflow does not say."""

    name: str
    state: str
    since: datetime | None


@dataclass(frozen=True)
class RunNow:
    """A run and where it is: its unfinished tasks, those at work first, and the names of failed ones."""

    state: str
    queued_at: datetime | None
    started_at: datetime | None
    tasks: tuple[TaskNow, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it goes on."""
        return self.state in ENDED


def look_at(dag_id: str, run_id: str) -> RunNow | None:
    """The run as it is now; None when Airflow does not know it any more.

    Raises:
        TouchlineError: the database is not known or away.
    """
    with connecting(Database("airflow", metadata_url(os.environ))) as connection:
        run = connection.execute(select(_RUNS).where(_RUNS.c.dag_id == dag_id, _RUNS.c.run_id == run_id)).first()
        if run is None:
            return None
        rows = connection.execute(select(_TASKS).where(
            _TASKS.c.dag_id == dag_id, _TASKS.c.run_id == run_id,
            _TASKS.c.state.in_((*UNFINISHED, "failed"))).order_by(_TASKS.c.end_date)).all()
    tasks = [TaskNow(_name(row), row.state, _utc(_since(row))) for row in rows if row.state != "failed"]
    return RunNow(run.state, _utc(run.queued_at), _utc(run.start_date),
                  tuple(sorted(tasks, key=lambda one: (UNFINISHED.index(one.state),
                                                       one.since or datetime.max.replace(tzinfo=UTC)))),
                  tuple(_name(row) for row in rows if row.state == "failed"))


def _since(row: Row[Any]) -> datetime | None:
    """When it came into its state, as far as Airflow tells."""
    by_state = {"queued": row.queued_dttm, "scheduled": row.scheduled_dttm, "up_for_retry": row.end_date,
                "up_for_reschedule": row.end_date}
    moment: datetime | None = by_state.get(row.state, row.start_date)
    return moment


def _name(row: Row[Any]) -> str:
    return str(row.task_id) if row.map_index < 0 else f"{row.task_id} [{row.rendered_map_index or row.map_index}]"


def _utc(moment: datetime | None) -> datetime | None:
    """SQLite gives it back without a zone."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
