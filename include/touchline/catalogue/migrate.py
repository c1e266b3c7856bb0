"""Are the tables those of this release? They go up by themselves at first use, and down by `touchline migrate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, make_url, text

from touchline.alone import alone
from touchline.catalogue.database import open_database
from touchline.catalogue.schema import HEAD
from touchline.errors import TouchlineError, UsageError

_LOCK_NUMBER = 7_405_266  # of PostgreSQL's advisory lock; any number that only we use


def bring_up(url: str) -> None:
    """Bring the tables to this release's revision; costs one query when they are there already."""
    if current_revision(url) != HEAD:
        migrate(url)


def migrate(url: str, revision: str = "head") -> None:
    """Bring the tables to a revision, up or down: "head", "base" (no tables) or a revision's number.

    Only one process does it at a time; the others wait.

    Raises:
        UsageError: there is no such revision.
        TouchlineError: the tables were made by a newer release.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if revision not in ("head", "base", *known):
        names = ", ".join(sorted(known))
        raise UsageError(f"the catalogue has no revision {revision!r}: use head, base, {names}")
    with _alone(url) as connection:
        current = _revision(connection)
        if current and current not in known:
            raise TouchlineError(f"the catalogue has revision {current}, made by a newer release: install that "
                                 "release, or let it go down with its own `touchline migrate --to`")
        config.attributes["connection"] = connection
        goes_down = revision == "base" or (current and revision != "head" and revision < current)
        (command.downgrade if goes_down else command.upgrade)(config, revision)


def current_revision(url: str) -> str | None:
    """The revision that the tables have; None without tables."""
    with open_database(url).connect() as connection, connection.begin():
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@contextmanager
def _alone(url: str) -> Iterator[Connection]:
    """The one transaction that changes tables now; SQLite's lock file covers its connection and its closing."""
    database = open_database(url)  # makes the folder of a SQLite file
    with ExitStack() as stack:
        if make_url(url).get_backend_name() == "sqlite":
            file = make_url(url).database
            if not file:
                raise UsageError("a catalogue in memory cannot be shared by processes: name a file")
            stack.enter_context(alone(Path(f"{file}.lock")))
        connection = stack.enter_context(database.connect().execution_options(touchline_writes=True))
        stack.enter_context(connection.begin())
        if connection.dialect.name == "postgresql":
            # Waits for as long as the others take; lock_timeout is for rows, and a table in use is waited for too.
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        yield connection
