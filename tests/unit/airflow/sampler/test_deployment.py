"""What the main machine samples for all: matches, pools, workers, databases, backups, the hold, costs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from support.services import Postgres, Redis
from support.statsd_wire import Wire
from touchline.catalogue import backups, matches
from touchline.catalogue.backups import Backup
from touchline.catalogue.connection import now_ms
from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.databases.connection import Database
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import set_hold
from touchline_airflow.sampler import postgres as sampling
from touchline_airflow.sampler import queue, upkeep
from touchline_airflow.sampler.workers import Workers

HOST = "main"
TABLES = """
CREATE TABLE dag_run (dag_id TEXT, run_id TEXT, state TEXT, queued_at MOMENT, run_after MOMENT);
CREATE TABLE task_instance (state TEXT, pool TEXT, pool_slots INTEGER, queue TEXT);
CREATE TABLE slot_pool (pool TEXT, slots INTEGER, include_deferred BOOLEAN);
CREATE TABLE job (job_type TEXT, state TEXT, latest_heartbeat MOMENT);
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def airflow(request: pytest.FixtureRequest, own_settings: Settings) -> Database:
    """A database with as much of Airflow's tables as is asked for."""
    if request.param == "sqlite":
        moment, url = "DATETIME", f"sqlite:///{own_settings.working_dir / 'airflow.db'}"
    else:
        moment, url = "TIMESTAMP WITH TIME ZONE", request.getfixturevalue("new_database")()
    fill(database := Database("airflow", url), *TABLES.strip().replace("MOMENT", moment).split("\n"))
    return database


def fill(database: Database, *statements: str) -> None:
    # Without a pool: what a session did is in PostgreSQL's statistics when it has ended.
    with create_engine(database.url, poolclass=NullPool).begin() as connection:
        for statement in (*([] if database.is_sqlite else ["SET TIME ZONE 'UTC'"]), *statements):
            connection.execute(text(statement))


def ago(seconds: float) -> str:
    return f"'{(datetime.now(UTC) - timedelta(seconds=seconds)).strftime('%Y-%m-%d %H:%M:%S.%f')}'"


def number(sent: dict[str, str], name: str) -> float:
    return float(sent[name].partition("|")[0])


# --- Matches and tasks ----------------------------------------------------------------------------------------------

def test_what_waits_and_what_works(wire: Wire, airflow: Database, own_settings: Settings) -> None:
    matches.register(own_settings.catalogue_address, "new-0123456789ab", "a" * 64, "/nas/new.mp4")
    matches.register(own_settings.catalogue_address, "opening-0123456789ab", "b" * 64, "/nas/opening.mp4")
    fill(airflow, *(f"INSERT INTO dag_run VALUES ('{dag}', '{run}', '{state}', {ago(since)}, NULL)"
                    for dag, run, state, since in (
                        ("process_match", "match__opening-0123456789ab__1", "running", 900),
                        ("process_match", "manual__1", "queued", 300), ("process_match", "manual__2", "running", 5000),
                        ("process_match", "manual__3", "success", 9000), ("tidy", "scheduled__1", "queued", 9000))))
    queue.sample_matches(airflow, own_settings)
    sent = wire.values()
    assert (sent["pipeline_queue_depth"], sent["pipeline_jobs_running"]) == ("3|g", "1|g")
    assert number(sent, "pipeline_queue_longest_wait_seconds") == pytest.approx(900, abs=20)


def test_nothing_waits(wire: Wire, airflow: Database, own_settings: Settings) -> None:
    queue.sample_matches(airflow, own_settings)
    assert wire.values() == {"pipeline_queue_depth": "0|g", "pipeline_jobs_running": "0|g",
                             "pipeline_queue_longest_wait_seconds": "0|g"}


def test_pools_and_queues(wire: Wire, airflow: Database) -> None:
    fill(airflow, "INSERT INTO slot_pool VALUES ('gpu', 4, false), ('waits', 2, true), ('endless', -1, false)",
         "INSERT INTO task_instance VALUES ('running', 'gpu', 2, 'gpu'), ('queued', 'gpu', 1, 'gpu'), "
         "('deferred', 'waits', 1, 'default'), ('success', 'gpu', 2, 'gpu')")
    tasks = queue.Tasks(airflow)
    tasks.sample()
    sent = wire.values()
    slots = {name.removeprefix("pipeline_pool_slots."): number(sent, name) for name in sent if "pool_slots" in name}
    assert slots == {"gpu.total": 4, "gpu.open": 1, "gpu.running": 2, "gpu.queued": 1, "gpu.deferred": 0,
                     "waits.total": 2, "waits.open": 1, "waits.running": 0, "waits.queued": 0, "waits.deferred": 1,
                     "endless.running": 0, "endless.queued": 0, "endless.deferred": 0}
    assert (sent["pipeline_tasks_queued.gpu"], sent["pipeline_tasks_queued.default"]) == ("1|g", "0|g")
    fill(airflow, "DELETE FROM task_instance")
    tasks.sample()
    assert wire.values()["pipeline_tasks_queued.gpu"] == "0|g"


# --- Workers --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("state", "silent_sec", "up"),
                         [("running", 3, "1|g"), ("running", 90, "0|g"), ("failed", 3, "0|g")])
def test_without_celery_the_scheduler_is_the_worker(state: str, silent_sec: int, up: str, wire: Wire,
                                                    airflow: Database) -> None:
    fill(airflow, f"INSERT INTO job VALUES ('SchedulerJob', '{state}', {ago(silent_sec)})")
    queue.sample_scheduler(airflow, HOST)
    assert wire.values() == {"pipeline_worker_up.main.scheduler": up}


@pytest.fixture
def redis() -> Iterator[Redis]:
    if not shutil.which("redis-server"):
        pytest.skip("Redis is not installed (Debian's redis-server): touchline_deploy.build.engine installs it")
    # pytest's own folders are closed to Redis's user.
    with tempfile.TemporaryDirectory(prefix="touchline-redis-") as folder, Redis(Path(folder)) as server:
        yield server


def test_a_celery_worker_that_goes_is_missed(wire: Wire, redis: Redis) -> None:
    argv = [sys.executable, "-m", "celery", "--broker", redis.url, "--quiet", "worker", "--pool", "solo", "--hostname",
            "chunks@gpu1"]
    workers = Workers(redis.url, ["main"])
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        try:
            deadline = time.monotonic() + 60
            while "pipeline_worker_up.gpu1.chunks" not in (sent := sample(workers, wire)):
                assert time.monotonic() < deadline
        finally:
            worker.kill()
    assert sent == {"pipeline_worker_up.main.light": "0|g", "pipeline_worker_up.gpu1.chunks": "1|g"}
    assert sample(workers, wire)["pipeline_worker_up.gpu1.chunks"] == "0|g"


def sample(workers: Workers, wire: Wire) -> dict[str, str]:
    workers.sample()
    return wire.values()


def test_a_broker_that_is_away_has_no_workers(wire: Wire) -> None:
    workers = Workers("redis://127.0.0.1:1/0", ["main", "gpu1"])
    began = time.monotonic()
    with pytest.raises(Exception, match="refused"):
        workers.sample()
    assert time.monotonic() - began < 30
    assert wire.values() == {"pipeline_worker_up.main.light": "0|g", "pipeline_worker_up.gpu1.light": "0|g"}


# --- Upkeep ---------------------------------------------------------------------------------------------------------

def test_backups_and_their_trials(wire: Wire, own_settings: Settings) -> None:
    address = own_settings.catalogue_address
    upkeep.sample_backups(own_settings)
    assert wire.values() == {}
    backups.note(address, Backup("old", "hourly", now_ms() - 7_200_000, 1, "ok", restored_at_ms=now_ms() - 3_600_000))
    backups.note(address, Backup("failed", "hourly", now_ms(), 0, "failed", reason="the disk is full"))
    upkeep.sample_backups(own_settings)
    sent = wire.values()
    assert number(sent, "pipeline_backup_age_seconds") == pytest.approx(7200, abs=20)
    assert number(sent, "pipeline_trial_restore_age_seconds") == pytest.approx(3600, abs=20)
    assert sent["pipeline_trial_restore_ok"] == "1|g"
    backups.note(address, Backup("new", "hourly", now_ms(), 1, "ok", reason="trial restore: a row is missing"))
    upkeep.sample_backups(own_settings)
    assert wire.values()["pipeline_trial_restore_ok"] == "0|g"


def test_a_backup_that_is_dated_in_the_future_hides_no_missing_one(wire: Wire, own_settings: Settings) -> None:
    address, year_ms = own_settings.catalogue_address, 365 * 86_400_000
    backups.note(address, Backup("right", "hourly", now_ms() - 7_200_000, 1, "ok", restored_at_ms=now_ms() - 3_600_000))
    backups.note(address, Backup("ahead", "hourly", now_ms() + year_ms, 1, "ok", restored_at_ms=now_ms() + year_ms))
    upkeep.sample_backups(own_settings)
    sent = wire.values()
    assert number(sent, "pipeline_backup_age_seconds") == pytest.approx(7200, abs=20)
    assert number(sent, "pipeline_trial_restore_age_seconds") == pytest.approx(3600, abs=20)
    # One whose trial failed while the clock ran ahead does not outweigh every later trial.
    backups.note(address, Backup("ahead", "hourly", now_ms() + year_ms, 1, "ok", reason="trial restore: no"))
    upkeep.sample_backups(own_settings)
    assert wire.values()["pipeline_trial_restore_ok"] == "1|g"


def test_a_hold_and_costs(wire: Wire, own_settings: Settings) -> None:
    upkeep.sample_hold(own_settings)
    upkeep.sample_costs(own_settings, DeploymentSettings(cost_per_day_limit=50.0))
    assert wire.values() == {"pipeline_paused": "0|g", "pipeline_cost_today": "0|g",
                             "pipeline_cost_limit.day_stop": "50.0|g"}
    set_hold(own_settings.working_dir, "pause", "anna", "the GPU is needed elsewhere")
    upkeep.sample_hold(own_settings)
    assert wire.values() == {"pipeline_paused": "1|g"}


# --- PostgreSQL -----------------------------------------------------------------------------------------------------

def test_postgresql_tells_how_it_is(wire: Wire, new_database: Callable[[], str]) -> None:
    database, small = Database("airflow", new_database()), Database("catalogue", new_database())
    for place, last in ((database, 250), (small, 10)):
        fill(place, f"CREATE TABLE numbers AS SELECT generate_series(1, 4 * {last}) AS number")
        fill(place, f"DELETE FROM numbers WHERE number > {last}")
        fill(place, "ANALYZE numbers")
        sampling.sample_database(place)
    sampling.sample_server(database)
    sent = wire.values()
    assert number(sent, "pipeline_postgres_dead_rows_ratio.airflow") > 0.5
    assert number(sent, "pipeline_postgres_dead_rows_ratio.catalogue") == 0
    assert number(sent, "pipeline_postgres_size_bytes.airflow") > 1_000_000
    assert 1 <= number(sent, "pipeline_postgres_connections") < number(sent, "pipeline_postgres_max_connections")
    with pytest.raises(TouchlineError, match="has no pg_stat_statements"):
        sampling.sample_slow(database)


@pytest.mark.usefixtures("postgres")  # it is installed
def test_a_plain_role_sees_how_many_statements_are_slow(wire: Wire) -> None:
    with tempfile.TemporaryDirectory(prefix="touchline-postgres-") as folder:
        server = Postgres(Path(folder))
        try:
            server.start().ask("ALTER SYSTEM SET shared_preload_libraries = pg_stat_statements")
            server.stop()
            server.start().ask("CREATE EXTENSION pg_stat_statements; CREATE ROLE plain LOGIN")
            url = server.url("catalogue")
            server.ask("SELECT pg_sleep(1.05)", "catalogue")
            server.ask("SELECT pg_sleep(1.05), 'of another database'")
            sampling.sample_slow(Database("catalogue", url.replace("touchline@", "plain@")))
        finally:
            server.stop()
    assert wire.values() == {"pipeline_postgres_slow_queries.catalogue": "1|g"}
