"""One database goes into a file and comes back the same, on PostgreSQL too; no password is ever seen."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from support.services import Postgres
from touchline.catalogue import matches
from touchline.catalogue.migrate import current_revision, migrate
from touchline.errors import StorageError, TouchlineError
from touchline_airflow.databases.connection import Database
from touchline_airflow.recovery import dumps
from touchline_airflow.recovery.dumps import TRIAL_PREFIX


@pytest.fixture
def filled(new_database: Callable[[], str]) -> Database:
    """A catalogue on PostgreSQL with three matches."""
    database = Database("catalogue", new_database())
    for number in range(3):
        matches.register(database.url, f"m{number}-0123456789ab", f"{number}" * 64, f"/nas/{number}.mp4")
    return database


def elsewhere(database: Database, name: str) -> Database:
    return Database(database.name, database.parsed.set(database=name).render_as_string(hide_password=False))


def test_a_database_comes_back_into_a_new_one(filled: Database, tmp_path: Path) -> None:
    noted = dumps.dump(filled, tmp_path / filled.dump_name)
    dumps.check(tmp_path / filled.dump_name)
    assert noted.rows["matches"] == 3 and noted.revision == current_revision(filled.url)
    place = elsewhere(filled, f"{filled.parsed.database}_again")
    dumps.put_back(place, tmp_path / filled.dump_name)
    assert dumps.held_by(place) == noted
    assert matches.every(place.url) == matches.every(filled.url)


def test_what_is_counted_is_what_is_dumped(filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that comes between the count and the dump is in neither."""
    program = tmp_path / "pg_dump"
    insert = ("INSERT INTO matches (match_id, fingerprint, recording, status, attempt, created_at_ms, updated_at_ms, "
              "pinned) VALUES ('late', 'l', 'l', 'bad', 1, 1, 1, false)")
    program.write_text(f"#!/bin/sh\npsql -q -d {filled.parsed.database} -c \"{insert}\"\n"
                       f"exec {shutil.which('pg_dump')} \"$@\"\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    noted = dumps.dump(filled, tmp_path / filled.dump_name)
    assert len(matches.every(filled.url)) == 4
    with dumps.trial_place(filled, tmp_path) as place:
        dumps.put_back(place, tmp_path / filled.dump_name)
        assert dumps.held_by(place).rows["matches"] == noted.rows["matches"] == 3


def test_an_occupied_database_is_renamed_and_not_dropped(filled: Database, tmp_path: Path) -> None:
    dumps.dump(filled, tmp_path / filled.dump_name)
    with pytest.raises(TouchlineError, match="is not empty"):
        dumps.put_back(filled, tmp_path / filled.dump_name)
    matches.register(filled.url, "new-0123456789ab", "9" * 64, "/nas/new.mp4")
    aside = dumps.move_aside(filled, "before_now")
    assert dumps.is_empty(filled)
    dumps.put_back(filled, tmp_path / filled.dump_name)
    assert (len(matches.every(filled.url)), len(matches.every(elsewhere(filled, aside).url))) == (3, 4)


def test_a_database_in_use_is_not_renamed(filled: Database) -> None:
    with (create_engine(filled.url, poolclass=NullPool).connect() as connection,
          pytest.raises(TouchlineError, match="is being accessed by other users") as caught):
        connection.execute(text("SELECT 1"))
        dumps.move_aside(filled, "before_now")
    assert "\n" not in str(caught.value)


def test_an_older_dump_goes_up(filled: Database, tmp_path: Path) -> None:
    migrate(filled.url, "0002")
    assert dumps.dump(filled, tmp_path / filled.dump_name).revision == "0002"
    with dumps.trial_place(filled, tmp_path) as place:
        dumps.put_back(place, tmp_path / filled.dump_name)
        assert [match.match_id[:2] for match in matches.every(place.url)] == ["m0", "m1", "m2"]


def test_a_trial_leaves_no_database_whatever_happens(filled: Database, postgres: Postgres, tmp_path: Path) -> None:
    def trials() -> str:
        return postgres.ask(f"SELECT count(*) FROM pg_database WHERE starts_with(datname, '{TRIAL_PREFIX}')")

    postgres.ask(f'CREATE DATABASE "{TRIAL_PREFIX}catalogue_1"')  # of a trial that was killed
    dumps.dump(filled, tmp_path / filled.dump_name)
    with pytest.raises(RuntimeError, match="on purpose"), dumps.trial_place(filled, tmp_path) as place:
        assert trials() == "0"
        dumps.put_back(place, tmp_path / filled.dump_name)
        assert trials() == "1"
        raise RuntimeError("on purpose")
    assert trials() == "0"


def test_a_trial_needs_the_right_to_make_a_database(filled: Database, postgres: Postgres, tmp_path: Path) -> None:
    dumps.dump(filled, tmp_path / filled.dump_name)
    postgres.ask("CREATE ROLE humble LOGIN")
    humble = Database("catalogue", filled.parsed.set(username="humble").render_as_string(hide_password=False))
    with (pytest.raises(TouchlineError, match="permission denied to create database") as caught,
          dumps.trial_place(humble, tmp_path) as place):
        dumps.put_back(place, tmp_path / filled.dump_name)
    assert "\n" not in str(caught.value)


def test_a_cut_off_dump_is_noticed(filled: Database, tmp_path: Path) -> None:
    dumps.dump(filled, tmp_path / filled.dump_name)
    os.truncate(tmp_path / filled.dump_name, 100)
    with pytest.raises(TouchlineError, match="pg_restore of catalogue"):
        dumps.check(tmp_path / filled.dump_name)


@pytest.mark.parametrize(("change", "line"), [
    ({"username": "nobody_here"}, 'role "nobody_here" does not exist'),
    ({"port": 1}, "Connection refused"),
    ({"database": "not_there"}, 'database "not_there" does not exist'),
])
def test_a_server_that_refuses_is_one_line_without_a_password(filled: Database, tmp_path: Path,
                                                              change: dict[str, object], line: str) -> None:
    url = filled.parsed.set(password="s3cret", **change).render_as_string(hide_password=False)  # type: ignore[arg-type]
    with pytest.raises(TouchlineError) as caught:
        dumps.dump(Database("catalogue", url), tmp_path / "catalogue.dump")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value) and "s3cret" not in str(caught.value)


def test_the_password_stands_in_no_argv_and_no_error(filled: Database, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(f"#!/bin/sh\necho \"$*\" > {tmp_path}/argv; echo $PGPASSWORD > {tmp_path}/password\n"
                       "echo 'pg_dump: error: aborting because of server version mismatch' >&2\n"
                       "echo 'pg_dump: detail: server version: 16.1; pg_dump version: 15.18' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    url = filled.parsed.set(password="s3cret").render_as_string(hide_password=False)
    with pytest.raises(TouchlineError, match="server version mismatch") as caught:
        dumps.dump(Database("catalogue", url), tmp_path / "catalogue.dump")
    assert "\n" not in str(caught.value) and "s3cret" not in str(caught.value)
    assert "s3cret" not in (tmp_path / "argv").read_text() and "s3cret" not in repr(Database("catalogue", url))
    assert (tmp_path / "password").read_text() == "s3cret\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_told_as_one(filled: Database, tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", tmp_path], check=True)
    try:
        with pytest.raises(StorageError, match="is full: 0 MB free"):
            dumps.dump(filled, tmp_path / filled.dump_name)
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
