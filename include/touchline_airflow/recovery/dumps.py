"""How is one database dumped, checked, and put into an empty place?

PostgreSQL by its own programs, which get the password in their environment and never in argv; SQLite by itself.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from touchline.errors import TouchlineError, UsageError
from touchline.storage import storage_errno, storage_error, writing
from touchline_airflow.databases.connection import CONNECT_SEC, Database, connecting

TRIAL_PREFIX = "touchline_trial_"
_LIBPQ = {"host": "PGHOST", "port": "PGPORT", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}


@dataclass(frozen=True)
class Content:
    """What a database held at the moment of its dump: revision of its tables, rows per table."""

    revision: str | None
    rows: Mapping[str, int]


def dump(database: Database, target: Path) -> Content:
    """Write the database to a new file; what it held is counted in the very snapshot that is dumped.

    Raises:
        TouchlineError: one line: the server is away, refuses us, is of another major version; the disk is full.
    """
    with writing(target):
        if database.is_sqlite:
            return _dump_sqlite(database, target)
        with connecting(database) as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            _dump_postgresql(database, target, snapshot)
            return _content(connection)


def check(target: Path) -> None:
    """Refuse a dump that its own program cannot read.

    Raises:
        TouchlineError: it is damaged.
    """
    if target.suffix == ".sqlite":
        with closing(sqlite3.connect(f"file:{target}?mode=ro&immutable=1", uri=True)) as connection:
            try:
                found = connection.execute("PRAGMA integrity_check").fetchone()[0]
            except sqlite3.DatabaseError as error:
                found = str(error)
        if found != "ok":
            raise TouchlineError(f"{target} is damaged: {found}")
        return
    _run(Database(target.stem, ""), ["pg_restore", "--list", str(target)])


def held_by(database: Database) -> Content:
    """What a database holds now."""
    if database.is_sqlite and not database.path.exists():
        return Content(None, {})
    with connecting(database) as connection:
        return _content(connection)


def is_empty(database: Database) -> bool:
    """Whether the database is not there, or holds no table."""
    if not database.is_sqlite and not _exists(database):
        return True
    return not held_by(database).rows


def put_back(database: Database, source: Path) -> None:
    """Restore a dump into a place that is empty or not there yet: all of it or nothing.

    Raises:
        TouchlineError: the place is not empty, or the server refuses.
    """
    if database.dump_name.rpartition(".")[2] != source.suffix.lstrip("."):
        raise UsageError(f"{source.name} is of another kind of database than {database.name} is now: restore it where "
                         "the same kind is set")
    if not is_empty(database):
        raise TouchlineError(f"the database {database.name} is not empty: nothing was restored into it")
    if database.is_sqlite:
        _put_back_sqlite(database, source)
        return
    if not _exists(database):
        _administer(database, f"CREATE DATABASE {_quoted(database.parsed.database)} TEMPLATE template0 ENCODING 'UTF8'")
    _run(database, ["pg_restore", "--dbname", str(database.parsed.database), "--no-owner", "--no-privileges",
                    "--no-password", "--exit-on-error", "--single-transaction", str(source)])


def move_aside(database: Database, label: str) -> str:
    """Give what is there another name, so that the place is empty; returns the new name.

    Raises:
        TouchlineError: somebody is connected: stop Airflow first.
    """
    if database.is_sqlite:
        aside = database.path.with_name(f"{database.path.name}.{label}")
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{database.path}{suffix}").rename(f"{aside}{suffix}")
        return str(aside)
    name = str(database.parsed.database)
    aside_name = f"{name[:40]}_{label}"
    _administer(database, f"ALTER DATABASE {_quoted(name)} RENAME TO {_quoted(aside_name)}")
    return aside_name


@contextmanager
def trial_place(database: Database, folder: Path) -> Iterator[Database]:
    """An empty place for a trial: a database of a temporary name on the same server, or a file in `folder`.

    It is dropped afterwards whatever happens; what a killed trial left is dropped first.
    """
    if database.is_sqlite:
        yield Database(database.name, f"sqlite:///{folder / database.dump_name}")
        return
    with connecting(database) as connection:
        left = connection.execute(text("SELECT datname FROM pg_database WHERE starts_with(datname, :prefix)"),
                                  {"prefix": f"{TRIAL_PREFIX}{database.name}_"}).scalars().all()
    for name in left:
        _drop(database, name)
    name = f"{TRIAL_PREFIX}{database.name}_{os.getpid()}"
    trial = Database(database.name, database.parsed.set(database=name).render_as_string(hide_password=False))
    try:
        yield trial
    finally:
        _drop(database, name)


# --- SQLite ---------------------------------------------------------------------------------------------------------

def _dump_sqlite(database: Database, target: Path) -> Content:
    if not database.path.exists():
        raise TouchlineError(f"the database {database.name} is not there: {database.path}")
    try:
        with closing(sqlite3.connect(database.path, timeout=30)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            raise storage_error(errno.ENOSPC, target, writes=True) from error
        raise TouchlineError(f"the database {database.path} cannot be copied to {target.parent}: {error}") from None
    return held_by(Database(database.name, f"sqlite:///{target}"))


def _put_back_sqlite(database: Database, source: Path) -> None:
    database.path.parent.mkdir(parents=True, exist_ok=True)
    temporary = database.path.with_name(f".{database.path.name}.part")
    with writing(temporary):
        shutil.copyfile(source, temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        for suffix in ("-wal", "-shm"):  # of an empty file: they would be replayed into ours
            Path(f"{database.path}{suffix}").unlink(missing_ok=True)
        temporary.replace(database.path)


# --- PostgreSQL -----------------------------------------------------------------------------------------------------

def _dump_postgresql(database: Database, target: Path, snapshot: str) -> None:
    try:
        _run(database, ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--no-password",
                        f"--snapshot={snapshot}", f"--file={target}"])
    except TouchlineError as error:
        if number := storage_errno(str(error)):
            raise storage_error(number, target, writes=True) from error
        raise


def _exists(database: Database) -> bool:
    with connecting(database, maintenance=True) as connection:
        wanted = text("SELECT count(*) FROM pg_database WHERE datname = :name")
        return bool(connection.execute(wanted, {"name": database.parsed.database}).scalar())


def _drop(database: Database, name: str) -> None:
    _administer(database, f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")


def _administer(database: Database, statement: str) -> None:
    """One statement outside of a transaction, in the server's own database."""
    with connecting(database, maintenance=True) as connection:
        connection.execute(text(statement))


def _quoted(name: str | None) -> str:
    return '"' + str(name).replace('"', '""') + '"'


def _content(connection: Connection) -> Content:
    tables = inspect(connection).get_table_names()
    rows = {name: connection.execute(text(f"SELECT count(*) FROM {_quoted(name)}")).scalar_one()  # noqa: S608
            for name in sorted(tables)}
    revision = None
    if rows.get("alembic_version"):
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return Content(revision, rows)


def _run(database: Database, argv: list[str]) -> None:
    """One of PostgreSQL's programs; its own words, in one line, when it fails."""
    if not shutil.which(argv[0]):
        raise UsageError(f"{argv[0]} is not installed here: install postgresql-client of the server's major version")
    done = subprocess.run(argv, env=_libpq_environment(database), capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
        raise TouchlineError(f"{argv[0]} of {database.name}: {said[:400] or f'exit code {done.returncode}'}")


def _libpq_environment(database: Database) -> dict[str, str]:
    system = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    if not database.url:
        return system
    url = database.parsed
    given = {**url.query, "host": url.host or url.query.get("host"), "port": url.port or url.query.get("port")}
    ours = {variable: str(given[name]) for name, variable in _LIBPQ.items() if given.get(name)}
    named = {"PGUSER": url.username, "PGPASSWORD": url.password, "PGDATABASE": url.database}
    return system | ours | {name: value for name, value in named.items() if value} | {
        "PGCONNECT_TIMEOUT": str(CONNECT_SEC), "PGAPPNAME": "touchline backup"}
