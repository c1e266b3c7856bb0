"""How do we talk to the database?

Short transactions and nothing kept open between them: processes fork here, and SQLite has one writer. A transaction
that writes takes SQLite's write lock at its begin (`BEGIN IMMEDIATE`), so that two writers wait instead of failing.
"""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from touchline.catalogue.engine import make_engine
from touchline.catalogue.migrate import bring_up
from touchline.storage import is_full, storage_error

_STORAGE_CODES = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_CANTOPEN: errno.ENOENT,
}


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """One transaction that only reads, on tables that are up to date.

    Raises:
        StorageError: the disk of a SQLite catalogue is full, read-only or away.
    """
    with _blaming_storage(url), _ready_engine(url).connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(url: str) -> Iterator[Connection]:
    """One transaction that writes; committed at the end, rolled back on an error.

    Raises:
        StorageError: the disk of a SQLite catalogue is full, read-only or away.
    """
    with _blaming_storage(url):
        engine = _ready_engine(url).execution_options(touchline_writes=True)
        with engine.connect() as connection, connection.begin():
            yield connection


@contextmanager
def _blaming_storage(url: str) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the rest says more precisely which
        path = Path(make_url(url).database or "")
        number = _STORAGE_CODES.get(code)
        if number is None:
            raise
        if is_full(path):
            number = errno.ENOSPC
        raise storage_error(number, path, writes=True) from error


def upsert(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row, or replace the named columns of the row with the same primary key."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    keys = [column.name for column in table.primary_key]
    statement = dialect.insert(table).values(**row)
    changes = {name: statement.excluded[name] for name in row if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))


def replace_rows(connection: Connection, table: Table, match_id: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Put these rows in the place of all rows of one match."""
    connection.execute(table.delete().where(table.c.match_id == match_id))
    if rows := [{"match_id": match_id, **row} for row in rows]:
        connection.execute(table.insert(), rows)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@cache
def _ready_engine(url: str) -> Engine:
    bring_up(url)
    return make_engine(url)
