"""What waits, what works, and who could work? From Airflow's database and the catalogue."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from sqlalchemy import Boolean, Connection, DateTime, Integer, String, column, func, select, table

from touchline.catalogue import matches
from touchline.domain.run_id import ingest_run_id
from touchline.settings import Settings
from touchline_airflow.books.leases import ACTIVE_STATES, PROCESS_MATCH
from touchline_airflow.databases.connection import Database, connecting
from touchline_airflow.metrics.table import LONGEST_WAIT, POOL_SLOTS, QUEUE_DEPTH, RUNNING, TASKS_QUEUED, WORKER_UP

SILENT_SEC = 60
"""A scheduler is taken for dead after this; docker/airflow.env has it note every 2 s that it lives."""
_RUNS = table("dag_run", column("dag_id", String), column("run_id", String), column("state", String),
              column("queued_at", DateTime(timezone=True)), column("run_after", DateTime(timezone=True)))
_TASKS = table("task_instance", column("state", String), column("pool", String), column("pool_slots", Integer),
               column("queue", String))
_POOLS = table("slot_pool", column("pool", String), column("slots", Integer), column("include_deferred", Boolean))
_JOBS = table("job", column("job_type", String), column("state", String),
              column("latest_heartbeat", DateTime(timezone=True)))
_TAKES_A_SLOT = ("running", "queued", "deferred")


def sample_matches(airflow: Database, settings: Settings) -> None:
    """Matches that wait and since when, and runs that run. A run that waits in its first task waits."""
    since = {ingest_run_id(match.match_id, match.attempt): datetime.fromtimestamp(match.updated_at_ms / 1000, UTC)
             for match in matches.without_run(settings.catalogue_address)}
    wanted = select(_RUNS.c.run_id, _RUNS.c.state, func.coalesce(_RUNS.c.queued_at, _RUNS.c.run_after)).where(
        _RUNS.c.dag_id == PROCESS_MATCH, _RUNS.c.state.in_(ACTIVE_STATES))
    with connecting(airflow) as connection:
        runs = connection.execute(wanted).all()
    running = {run_id for run_id, state, _ in runs if state == "running"} - set(since)
    since |= {run_id: _aware(at) for run_id, _, at in runs if run_id not in running}
    now = datetime.now(UTC)
    RUNNING.set(len(running))
    QUEUE_DEPTH.set(len(since))
    LONGEST_WAIT.set(max((round((now - at).total_seconds(), 1) for at in since.values() if at <= now), default=0))


class Tasks:
    """Tasks that wait for a worker, and the pools. A queue that was seen once is sent as 0 from then on."""

    def __init__(self, airflow: Database) -> None:
        self._airflow = airflow
        self._queues: set[str] = set()

    def sample(self) -> None:
        """Both from one query, with an index on the state."""
        groups = _TASKS.c.queue, _TASKS.c.pool, _TASKS.c.state
        wanted = select(*groups, func.count(), func.sum(_TASKS.c.pool_slots)).where(
            _TASKS.c.state.in_(_TAKES_A_SLOT)).group_by(*groups)
        waiting: Counter[str] = Counter()
        slots: Counter[tuple[str, str]] = Counter()
        with connecting(self._airflow) as connection:
            for queue, pool, state, tasks, taken in connection.execute(wanted):
                slots[pool, state] += taken
                waiting[queue] += tasks if state == "queued" else 0
            _send_pools(connection, slots)
        self._queues |= set(waiting)
        for queue in self._queues:
            TASKS_QUEUED.set(waiting[queue], queue=queue)


def _send_pools(connection: Connection, slots: Counter[tuple[str, str]]) -> None:
    for pool, total, counts_deferred in connection.execute(select(_POOLS)).all():
        taken = sum(slots[pool, state] for state in _TAKES_A_SLOT if state != "deferred" or counts_deferred)
        for state in _TAKES_A_SLOT:
            POOL_SLOTS.set(slots[pool, state], pool=pool, state=state)
        if total >= 0:  # -1 means no limit
            POOL_SLOTS.set(total, pool=pool, state="total")
            POOL_SLOTS.set(total - taken, pool=pool, state="open")


def sample_scheduler(airflow: Database, host: str) -> None:
    """Without Celery the scheduler works itself: whether it has noted that it lives."""
    wanted = select(func.max(_JOBS.c.latest_heartbeat)).where(_JOBS.c.job_type == "SchedulerJob",
                                                              _JOBS.c.state == "running")
    with connecting(airflow) as connection:
        noted = connection.execute(wanted).scalar()
    lives = noted is not None and (datetime.now(UTC) - _aware(noted)).total_seconds() < SILENT_SEC
    WORKER_UP.set(int(lives), host=host, worker="scheduler")


def _aware(moment: datetime) -> datetime:
    """SQLite has no time zones; Airflow writes UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
