"""Up to which moment everything old goes, and when nothing does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from touchline_airflow.databases.connection import Database, connecting
from touchline_airflow.upkeep.clean_database import Limit, find_limit

NOW = datetime(2026, 3, 4, 2, 45, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def airflow(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Airflow's table of runs: two a day for 120 days, one that goes on."""
    url = f"sqlite:///{tmp_path / 'airflow.db'}"
    if request.param == "postgresql":
        new: Callable[[], str] = request.getfixturevalue("new_database")
        url = new()
    database = Database("airflow", url)
    kind = "TIMESTAMP" if database.is_sqlite else "TIMESTAMPTZ"
    with connecting(database) as connection, connection.begin():
        connection.execute(text(f"CREATE TABLE dag_run (dag_id TEXT, run_id TEXT, state TEXT, start_date {kind})"))
    add(database, *(NOW - timedelta(hours=12 * number) for number in range(240)))
    add(database, NOW - timedelta(days=100), state="running")
    return database


def add(database: Database, *moments: datetime, state: str = "success") -> None:
    with connecting(database) as connection, connection.begin():
        for moment in moments:
            shown = moment.strftime("%Y-%m-%d %H:%M:%S.000000") if database.is_sqlite else moment
            connection.execute(text("INSERT INTO dag_run VALUES ('tidy', :run, :state, :moment)"),
                               {"run": f"{state}-{moment:%j%H}", "state": state, "moment": shown})


def limit(database: Database, now: datetime, keep_days: int = 90) -> tuple[Limit | None, list[str]]:
    said: list[str] = []
    return find_limit({"TOUCHLINE_METADATA_URL": database.url}, keep_days, said.append, now), said


def test_it_is_the_days_that_are_kept_and_names_what_goes_on(airflow: Database) -> None:
    expected = Limit(NOW - timedelta(days=90), (("tidy", f"running-{NOW - timedelta(days=100):%j%H}"),))
    assert limit(airflow, NOW) == (expected, [])
    assert limit(airflow, NOW, keep_days=2)[0]


@pytest.mark.parametrize("days", [365, 4000])
def test_a_clock_that_ran_ahead_removes_nothing_for_a_week(airflow: Database, days: int) -> None:
    ahead = NOW + timedelta(days=days)
    add(airflow, *(ahead + timedelta(days=number) for number in range(8)))
    for number in range(4):
        found, said = limit(airflow, ahead + timedelta(days=number))
        assert found is None and "\n" not in said[0]
        assert said[0].startswith(f"Nothing goes tonight: Airflow has runs on only {number + 1} of the last 90 days")
    assert limit(airflow, ahead + timedelta(days=7))[0]


def test_the_clock_is_right_again(airflow: Database) -> None:
    add(airflow, NOW + timedelta(days=365))
    assert limit(airflow, NOW)[0]
