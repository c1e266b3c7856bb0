"""PostgreSQL: no connection is kept, one that is lost is one line, and no password is told."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import text

from touchline.catalogue import matches
from touchline.catalogue.connection import reading, writing
from touchline.catalogue.database import open_database, shown
from touchline.errors import CatalogueError, SettingError

pytest.importorskip("psycopg2", reason="PostgreSQL is reached from the Airflow side's environment")

MATCH = "cup-final-0123456789ab"


@pytest.fixture
def far(new_database: Callable[[], str]) -> str:
    """A catalogue on PostgreSQL that has a match."""
    url = new_database()
    matches.register(url, MATCH, "f" * 64, "/nas/a.mp4")
    return url


def connections(url: str) -> int:
    """How many there are to this database beside the one that asks."""
    with open_database(url).connect() as connection:
        return connection.execute(text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                                       "AND pid <> pg_backend_pid()")).scalar_one()


def test_no_connection_is_open_between_transactions_or_while_airflow_is_asked(far: str) -> None:
    open_then: list[int] = []

    def is_running(_: str) -> bool:
        open_then.append(connections(far))
        return True

    matches.take_lease(far, MATCH, "run-1", is_running)
    assert matches.take_lease(far, MATCH, "run-2", is_running) == "run-1"
    assert (open_then, connections(far)) == ([0], 0)


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_a_connection_lost_in_mid_transaction_is_one_line_and_nothing_is_written(far: str, driver: str) -> None:
    pytest.importorskip(driver)
    url = far.replace("psycopg2", driver)
    with pytest.raises(CatalogueError) as caught, writing(url) as connection:
        connection.execute(text("UPDATE matches SET status = 'published'"))
        victim = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with open_database(far).connect() as other:
            other.execute(text(f"SELECT pg_terminate_backend({victim})"))
        connection.execute(text("SELECT 1"))
    assert "cannot be used now (" in str(caught.value) and "\n" not in str(caught.value)
    assert matches.find(url, MATCH).status == "registered"


def test_a_row_that_is_locked_by_one_who_is_gone_is_free_again(far: str) -> None:
    with reading(far) as connection:
        shown_settings = {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in
                          ("idle_in_transaction_session_timeout", "lock_timeout", "tcp_keepalives_idle")}
    assert shown_settings == {"idle_in_transaction_session_timeout": "1min", "lock_timeout": "30s",
                              "tcp_keepalives_idle": "10"}


def test_a_database_that_is_away_is_told_without_its_password() -> None:
    url = "postgresql+psycopg2://touchline:geheim@127.0.0.1:1/catalogue?sslmode=disable"
    with pytest.raises(CatalogueError) as caught:
        matches.every(url)
    assert re.match(r"the catalogue postgresql\+psycopg2://touchline:\*\*\*@127\.0\.0\.1:1/catalogue cannot be used "
                    r"now \(connection to server .* refused\): see that its database runs", str(caught.value))
    assert "geheim" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["geheim", "mysql://me:geheim@db/x", "postgresql+asyncpg://me:geheim@db/x",
                                 "postgresql://me:geheim@db:port/x", "postgresql+nothing://me:geheim@db/x"])
def test_an_address_that_cannot_be_used_is_refused_in_one_line_without_its_password(url: str) -> None:
    with pytest.raises(SettingError, match="CATALOGUE_URL") as caught:
        open_database(url)
    assert "geheim" not in str(caught.value) and "\n" not in str(caught.value)


def test_an_address_is_shown_without_its_secrets() -> None:
    url = "postgresql+psycopg2://touchline:geheim@db:5432/catalogue?password=geheim&sslmode=require"
    assert shown(url) == "postgresql+psycopg2://touchline:***@db:5432/catalogue"
