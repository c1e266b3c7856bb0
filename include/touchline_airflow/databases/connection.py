"""How does one ask one of the two databases, without Airflow?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from touchline.errors import CatalogueError

CONNECT_SEC = 10


@dataclass(frozen=True)
class Database:
    """One of the two databases: `airflow` or `catalogue`. The URL may hold a password and is not shown."""

    name: str
    url: str

    def __repr__(self) -> str:
        return f"Database({self.name!r})"

    @property
    def parsed(self) -> URL:  # noqa: D102
        return make_url(self.url)

    @property
    def is_sqlite(self) -> bool:  # noqa: D102
        return self.parsed.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return Path(self.parsed.database or "")

    @property
    def dump_name(self) -> str:
        """Name of its dump in a backup."""
        return f"{self.name}.{'sqlite' if self.is_sqlite else 'dump'}"


@contextmanager
def connecting(database: Database, *, maintenance: bool = False) -> Iterator[Connection]:
    """A new connection in one transaction; for maintenance one to the server's own database, without a transaction.

    Raises:
        CatalogueError: one line without a password.
    """
    try:
        with _open(database, maintenance).connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        lines = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
        raise CatalogueError(f"the database {database.name} refused: {' '.join(lines[:2])}") from None


def _open(database: Database, maintenance: bool) -> Engine:
    if database.is_sqlite:
        return create_engine(database.parsed, poolclass=NullPool)
    url = database.parsed.set(database="postgres") if maintenance else database.parsed
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if maintenance else {}
    return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": CONNECT_SEC}, **options)
