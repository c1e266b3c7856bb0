"""How do Airflow's database and the catalogue stay small? Ended runs go after a while."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Column, Connection, DateTime, MetaData, String, Table, create_engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from touchline.catalogue import runs
from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.databases.address import metadata_url

LONGEST_SEC = 3000
BATCH_ROWS = 1000
"""Rows of one transaction: what works meanwhile waits for no more than that."""
_WAITS_FOR_LOCKS = "-c lock_timeout=60s"
_MARGIN = timedelta(minutes=1)
"""SQLite compares times as text."""
_LOCK = re.compile(r"is locked|lock timeout|deadlock detected")
_OWN = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_DAG_RUN = Table("dag_run", MetaData(), Column("dag_id", String), Column("run_id", String), Column("state", String),
                 Column("start_date", DateTime(timezone=True)))
_UNFINISHED = ("queued", "running")
DAYS_SEEN = 7
"""Airflow must have worked on this many days of the time that is kept before anything older goes."""


@dataclass(frozen=True)
class Limit:
    """What ended before may go; `unfinished` are DAG and run id of the runs that go on, whose logs stay."""

    before: datetime
    unfinished: tuple[tuple[str, str], ...] = ()


def find_limit(environ: Mapping[str, str], keep_days: int, say: Callable[[str], None],
               now: datetime | None = None) -> Limit | None:
    """The moment up to which everything old goes tonight; None, and a line that says why, where the clock is in doubt.

    A clock that ran ahead by months would make all of the history old at once. Then there are no runs in the time
    that is kept, except those since it ran ahead: nothing is removed until Airflow has runs on seven days of that
    time. The same holds after a long pause, and for a week nothing is lost by it.

    Raises:
        TouchlineError: Airflow's database is away.
    """
    now = now or datetime.now(UTC)
    before = now - timedelta(days=keep_days)
    days_of_runs = select(func.count(func.date(_DAG_RUN.c.start_date).distinct())).where(
        _DAG_RUN.c.start_date.between(before, now))
    with _reading(metadata_url(environ)) as connection:
        days = connection.execute(days_of_runs).scalar() or 0
        unfinished = connection.execute(select(_DAG_RUN.c.dag_id, _DAG_RUN.c.run_id)
                                        .where(_DAG_RUN.c.state.in_(_UNFINISHED))).all()
    if days < (wanted := min(keep_days, DAYS_SEEN)):
        say(f"Nothing goes tonight: Airflow has runs on only {days} of the last {keep_days} days, and {wanted} are "
            "wanted. A clock that runs ahead or a long pause looks like that; after some days it goes on by itself")
        return None
    return Limit(before, tuple((dag_id, run_id) for dag_id, run_id in unfinished))


def clean_airflow(environ: Mapping[str, str], before: datetime, say: Callable[[str], None]) -> datetime:
    """Run `airflow db clean` up to the returned moment; nothing is archived.

    A run that goes on is never removed, however old: the moment lies before the first of them.

    Raises:
        TouchlineError: it could not be done, for a lock or because the database is away; a retry goes on where it was.
    """
    url = metadata_url(environ)
    if first_unfinished := _first_unfinished(url):
        before = min(before, first_unfinished - _MARGIN)
    argv = [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before.isoformat(),
            "--skip-archive", "--yes", "--batch-size", str(BATCH_ROWS), "--error-on-cleanup-failure"]
    say(f"airflow db clean: all before {before:%Y-%m-%d %H:%M} UTC")
    try:
        done = subprocess.run(argv, env=_environment(environ, url), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=LONGEST_SEC, check=False)
    except subprocess.TimeoutExpired:
        raise TouchlineError(f"airflow db clean did not end in {LONGEST_SEC} s: it goes on at the next try") from None
    for line in filter(_tells, done.stdout.splitlines()):
        say(line)
    if done.returncode:
        raise TouchlineError(f"airflow db clean ended with exit code {done.returncode}: "
                             f"{_cause((done.stdout + done.stderr).splitlines())}; where somebody held a lock "
                             "the next try heals it")
    return before


def clean_catalogue(settings: Settings, before: datetime) -> int:
    """Forget runs and stage times that ended before; the last run of each match stays. Returns how many runs went."""
    return runs.forget_old(settings.catalogue_address, round(before.timestamp() * 1000))


def _first_unfinished(url: str) -> datetime | None:
    """When the oldest run that has not ended began."""
    with _reading(url) as connection:
        moment: datetime | None = connection.execute(
            select(func.min(_DAG_RUN.c.start_date)).where(_DAG_RUN.c.state.in_(_UNFINISHED))).scalar()
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _reading(url: str) -> Iterator[Connection]:
    limits = {"options": _WAITS_FOR_LOCKS, "connect_timeout": 10} if url.startswith("postgresql") else {"timeout": 60}
    try:
        with create_engine(url, poolclass=NullPool, connect_args=limits).connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        line = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
        raise TouchlineError(f"Airflow's database cannot be used now ({line}): see that it runs") from None


def _environment(environ: Mapping[str, str], url: str) -> dict[str, str]:
    """That of a command of Airflow's own, which may use the database: in a task it is hidden."""
    hidden = {_OWN, f"{_OWN}_CMD", f"{_OWN}_SECRET", "_AIRFLOW_PROCESS_CONTEXT"}
    kept = {name: value for name, value in environ.items() if name not in hidden}
    options = " ".join(filter(None, (environ.get("PGOPTIONS"), _WAITS_FOR_LOCKS)))
    return {"PATH": os.defpath, **kept, _OWN: url, "PGOPTIONS": options}


def _cause(lines: list[str]) -> str:
    """Of all that it said the line about a lock, else the last error: on PostgreSQL that names the tables only."""
    errors = [line.strip() for line in lines if "rror" in line] or ["it said nothing"]
    return next((line.strip() for line in lines if _LOCK.search(line)), errors[-1])[:500]


def _tells(line: str) -> bool:
    return line.startswith(("Found ", "Moving data", "Finished", "Deleted", "Performing Delete"))
