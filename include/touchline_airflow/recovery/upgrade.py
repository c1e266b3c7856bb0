"""Did an upgrade keep every row, and may it begin at all? `touchline-ops upgrade` does the steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import DateTime, String, column, func, select, table
from sqlalchemy.exc import SQLAlchemyError

from touchline.catalogue import backups, matches, recordings, runs
from touchline_airflow.databases.connection import Database, connecting
from touchline_airflow.recovery import dumps
from touchline_airflow.recovery.backup import Backup, Sources

_JOBS = table("job", column("job_type", String), column("state", String),
              column("latest_heartbeat", DateTime(timezone=True)))
_SEEN = timedelta(seconds=30)
_WHAT_PEOPLE_MISS = ("dag_run", "task_instance", "connection", "variable", "slot_pool", "ab_user", "ab_role")


def is_airflow_up(airflow: Database) -> bool:
    """Whether a scheduler has given a sign of life within half a minute."""
    wanted = select(func.count()).select_from(_JOBS).where(
        _JOBS.c.job_type == "SchedulerJob", _JOBS.c.state == "running",
        _JOBS.c.latest_heartbeat > datetime.now(UTC) - _SEEN)
    with connecting(airflow) as connection:
        return bool(connection.execute(wanted).scalar())


def losses(backup: Backup, sources: Sources) -> list[str]:
    """What the databases have less of than their backup, and what this release cannot read; one line each."""
    lines = []
    for database, names in ((sources.catalogue, None), (sources.airflow, _WHAT_PEOPLE_MISS)):
        noted, held = backup.facts["databases"][database.name]["rows"], dumps.held_by(database).rows
        for name in names or noted:
            if held.get(name, 0) < noted.get(name, 0):
                lines.append(f"{database.name}: {name} has {held.get(name, 0)} rows of {noted[name]}")
    address = sources.settings.catalogue_address
    for read in (matches.every, recordings.every, runs.open_runs, backups.every):
        try:
            read(address)
        except SQLAlchemyError as error:
            lines.append(f"catalogue: {read.__module__.rpartition('.')[2]} cannot be read: {type(error).__name__}")
    return lines
