"""`airflow db clean` as the DAG `clean_database` runs it, on a real database of each kind; no Airflow runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from touchline.errors import TouchlineError
from touchline_airflow.upkeep import clean_database

ADD_RUNS = """
import sys
from datetime import datetime, timedelta, timezone
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
with create_session() as session:
    for line in sys.argv[1:]:
        run_id, state, days = line.split(":")
        began = datetime.now(timezone.utc) - timedelta(days=int(days))
        run = DagRun(dag_id="process_match", run_id=run_id, run_type="manual", state=state, start_date=began,
                     run_after=began)
        session.add(run)
"""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def environ(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a task sees: Airflow hides its database, ours says where it is."""
    home = tmp_path_factory.mktemp("airflow")
    url = f"sqlite:///{home}/airflow.db" if request.param == "sqlite" else request.getfixturevalue("new_database")()
    base = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    base |= {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "false"}
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True,
                   env={**base, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url})
    return {**base, "TOUCHLINE_METADATA_URL": url, "_AIRFLOW_PROCESS_CONTEXT": "client",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "airflow-db-not-allowed:///"}


def add_runs(environ: dict[str, str], *lines: str) -> None:
    subprocess.run([sys.executable, "-c", ADD_RUNS, *lines], check=True, capture_output=True,
                   env={**environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": environ["TOUCHLINE_METADATA_URL"],
                        "_AIRFLOW_PROCESS_CONTEXT": "server"})


def days_ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def kept(environ: dict[str, str]) -> set[str]:
    with create_engine(environ["TOUCHLINE_METADATA_URL"], poolclass=NullPool).connect() as connection:
        return set(connection.execute(text("SELECT run_id FROM dag_run")).scalars())


def tables(environ: dict[str, str]) -> set[str]:
    engine = create_engine(environ["TOUCHLINE_METADATA_URL"], poolclass=NullPool)
    query = ("SELECT name FROM sqlite_master" if engine.dialect.name == "sqlite" else
             "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    with engine.connect() as connection:
        return set(connection.execute(text(query)).scalars())


@contextmanager
def locked(environ: dict[str, str]) -> Iterator[None]:
    """Somebody else works on all runs."""
    engine = create_engine(environ["TOUCHLINE_METADATA_URL"], poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("DELETE FROM dag_run" if engine.dialect.name == "sqlite" else
                                "LOCK TABLE dag_run IN EXCLUSIVE MODE"))
        yield
        connection.rollback()


def test_old_runs_go_and_what_is_unfinished_stays(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    add_runs(environ, "old:success:100", "failed:failed:99", "young:success:10", "now:running:1")
    before = clean_database.clean_airflow(environ, days_ago(90), said.append)
    assert abs(before - days_ago(90)) < timedelta(minutes=5)
    assert kept(environ) == {"young", "now"}
    assert not [name for name in tables(environ) if name.startswith("_airflow_deleted")]

    add_runs(environ, "older:success:101", "stuck:running:96", "after:success:95", "waits:queued:94")
    clean_database.clean_airflow(environ, days_ago(90), said.append)
    assert kept(environ) == {"young", "now", "stuck", "after", "waits"}


def test_a_clock_that_ran_ahead_by_a_year_removes_nothing(environ: dict[str, str]) -> None:
    said: list[str] = []
    add_runs(environ, *(f"day{day}:success:{day}" for day in range(2, 9)))
    found = clean_database.find_limit(environ, 90, said.append)
    assert found and ("process_match", "now") in found.unfinished and ("process_match", "young") not in found.unfinished
    assert abs(found.before - days_ago(90)) < timedelta(minutes=5)
    ahead = datetime.now(UTC) + timedelta(days=365)
    assert clean_database.find_limit(environ, 90, said.append, ahead) is None
    # The nightly runs since it ran ahead are no proof of it for a week.
    add_runs(environ, *(f"ahead{day}:success:{day - 365}" for day in range(1, 7)))
    assert clean_database.find_limit(environ, 90, said.append, ahead) is None
    assert all(line.startswith("Nothing goes tonight: Airflow has runs on only ") and "\n" not in line for line in said)
    add_runs(environ, "ahead8:success:-357")
    assert clean_database.find_limit(environ, 90, said.append, ahead)


def test_a_lock_that_somebody_holds_is_one_line_and_the_next_try_heals(
        environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    add_runs(environ, "oldest:success:200")
    monkeypatch.setattr(clean_database, "_WAITS_FOR_LOCKS", "-c lock_timeout=1s")
    with locked(environ), pytest.raises(TouchlineError) as caught:
        clean_database.clean_airflow(environ, days_ago(90), said.append)
    assert any(words in str(caught.value) for words in ("database is locked", "'dag_run'")), caught.value
    assert "\n" not in str(caught.value)
    assert "oldest" in kept(environ)
    clean_database.clean_airflow(environ, days_ago(90), said.append)
    assert "oldest" not in kept(environ)
    assert all(environ["TOUCHLINE_METADATA_URL"] not in line for line in said)


def test_a_database_that_is_away_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TouchlineError, match=r"Airflow's database cannot be used now .* refused.*: see that it runs"):
        clean_database.clean_airflow(
            {"TOUCHLINE_METADATA_URL": "postgresql+psycopg2://me:geheim@127.0.0.1:1/x?sslmode=disable"}, days_ago(9),
            print)
