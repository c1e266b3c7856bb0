"""How is the catalogue's database opened, and how is each kind of it set up for several processes?"""

from __future__ import annotations

import sqlite3
import time
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from touchline.errors import SettingError

BUSY_TIMEOUT_SEC = 30
_ADVICE = "use sqlite:///… or postgresql+psycopg2://…"
_DRIVERS = {"sqlite": ("pysqlite",), "postgresql": ("psycopg2", "psycopg")}
_LINK = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_POSTGRESQL: dict[str, Any] = {
    "application_name": "touchline",
    "connect_timeout": 10,
    **_LINK,
    "tcp_user_timeout": 30_000,
    # A host that was cut off in mid-transaction must not keep its locks: the server looks, too.
    "options": " ".join((*(f"-c tcp_{name}={value}" for name, value in _LINK.items()),
                         "-c tcp_user_timeout=30s", "-c lock_timeout=30s",
                         "-c idle_in_transaction_session_timeout=60s")),
}  # fmt: skip
"""libpq's words: a link or a server that is gone is noticed within half a minute, by both ends."""


@cache
def open_database(url: str) -> Engine:
    """Open a database, keeping no connection between transactions.

    SQLite files are in WAL mode with a busy timeout.

    Raises:
        SettingError: this is not the address of a database, or one of a kind or driver that we do not know.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed, poolclass=NullPool, connect_args=_POSTGRESQL)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    database = create_engine(parsed, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_SEC})
    event.listen(database, "connect", _prepare_sqlite)
    event.listen(database, "begin", _begin_sqlite)
    return database


def shown(url: str) -> str:
    """The address as it may be shown: "postgresql+psycopg2://touchline:***@db/catalogue"."""
    parsed = _parsed(url)
    return parsed.difference_update_query(parsed.query).render_as_string(hide_password=True)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # its text may hold the password
        raise SettingError(f"CATALOGUE_URL is not the address of a database: {_ADVICE}") from None
    backend, _, driver = parsed.drivername.partition("+")
    if backend not in _DRIVERS or (driver and driver not in _DRIVERS[backend]):
        raise SettingError(f"CATALOGUE_URL names {parsed.drivername!r}: {_ADVICE}")
    try:
        parsed.get_dialect().import_dbapi()
    except ModuleNotFoundError as error:
        raise SettingError(f"CATALOGUE_URL names {parsed.drivername!r}, but {error.name} is not installed here: "
                           "PostgreSQL is reached from the Airflow side's environment only") from None
    return parsed


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    _switch_to_wal(connection)
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """WAL mode stays in the file, so only a new or restored file is switched. SQLite does not wait by itself where
    two processes do that at once: one succeeds, the others hear that the file is locked.
    """
    until = time.monotonic() + BUSY_TIMEOUT_SEC
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("touchline_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
