"""How do we talk to the database?

Short transactions and nothing kept open between them: processes fork here, and SQLite has one writer. A transaction
that writes takes SQLite's write lock when it begins (`BEGIN IMMEDIATE`), so two writers wait instead of failing. On
PostgreSQL a transaction that decides by a row locks it (`with_for_update`, which SQLite neither needs nor knows).
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

from sqlalchemy import Connection, Engine, Table, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from touchline.catalogue.database import open_database, shown
from touchline.catalogue.migrate import bring_up
from touchline.catalogue.schema import matches
from touchline.errors import CatalogueError
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
        CatalogueError: the database is away, refused us, or was lost in mid-transaction.
    """
    with _plain_errors(url), _ready_database(url).connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(url: str) -> Iterator[Connection]:
    """One transaction that writes; committed at the end, rolled back on an error.

    Raises:
        StorageError: the disk of a SQLite catalogue is full, read-only or away.
        CatalogueError: as for `reading`; nothing was written, unless the connection was lost in the commit itself.
    """
    with _plain_errors(url):
        database = _ready_database(url).execution_options(touchline_writes=True)
        with database.connect() as connection, connection.begin():
            yield connection


@contextmanager
def _plain_errors(url: str) -> Iterator[None]:
    """What the database could not do becomes one line; a mistake of ours in SQL stays what it is."""
    try:
        yield
    except DBAPIError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the rest says more precisely which
        if number := _STORAGE_CODES.get(code):
            path = Path(make_url(url).database or "")
            raise storage_error(errno.ENOSPC if is_full(path) else number, path, writes=True) from error
        if not (error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))):
            raise
        lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        raise CatalogueError(f"the catalogue {shown(url)} cannot be used now ({lines[0]}): see that its database runs, "
                             "the task is tried again") from error


def upsert(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row, or replace the named columns of the row with the same primary key."""
    keys = [column.name for column in table.primary_key]
    statement = _insert(connection, table).values(**row)
    changes = {name: statement.excluded[name] for name in row if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any], key: str) -> None:
    """Insert a row, unless there is one with the same value in the unique column `key`."""
    connection.execute(_insert(connection, table).values(**row).on_conflict_do_nothing(index_elements=[key]))


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def replace_rows(connection: Connection, table: Table, match_id: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace all rows of one match with these; two that do it at once take turns."""
    connection.execute(select(matches.c.match_id).where(matches.c.match_id == match_id).with_for_update())
    connection.execute(table.delete().where(table.c.match_id == match_id))
    if rows := [{"match_id": match_id, **row} for row in rows]:
        connection.execute(table.insert(), rows)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@cache
def _ready_database(url: str) -> Engine:
    bring_up(url)
    return open_database(url)
