"""The tables go up by themselves, down, and up again, and what can stay stays."""

from __future__ import annotations

import json
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from touchline.catalogue import actions, matches, migrate, publications, recordings, runs
from touchline.catalogue.connection import reading
from touchline.catalogue.database import open_database
from touchline.catalogue.publications import PastRun
from touchline.catalogue.recordings import Look
from touchline.catalogue.schema import HEAD, metadata
from touchline.errors import Failure, TouchlineError, UsageError

MATCH = "cup-final-0123456789ab"


@pytest.fixture
def url(empty: str) -> str:
    return empty


def filled(url: str) -> None:
    matches.register(url, MATCH, "f" * 64, "/nas/cup final.mp4")
    recordings.note_looks(url, [Look("/nas/cup final.mp4", 10, 20, "d")])
    runs.begin(url, "run-1", MATCH)
    actions.replace(url, MATCH, [{"match_ms": 5, "half": 1, "position_ms": 5, "label": "Goal", "confidence": 0.5,
                                  "source": "model"}])


def test_the_first_use_makes_the_tables(url: str) -> None:
    assert matches.every(url) == []
    assert migrate.current_revision(url) == HEAD


def test_up_down_and_up_again_keeps_what_both_revisions_know(url: str) -> None:
    filled(url)
    migrate.migrate(url, "0001")
    assert migrate.current_revision(url) == "0001"
    with open_database(url).connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"matches", "recordings", "alembic_version"}
    migrate.migrate(url)
    assert [match.match_id for match in matches.every(url)] == [MATCH]
    assert list(recordings.every(url)) == ["/nas/cup final.mp4"]
    assert actions.of_match(url, MATCH) == []
    assert runs.of_match(url, MATCH) == []


def test_down_to_base_leaves_no_table_and_up_starts_anew(url: str) -> None:
    filled(url)
    migrate.migrate(url, "base")
    with open_database(url).connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    migrate.migrate(url, "head")
    assert matches.every(url) == []


def test_the_revisions_make_the_tables_of_the_schema(url: str) -> None:
    matches.every(url)
    with reading(url) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_what_was_published_before_revision_0006_counts_as_counted(url: str) -> None:
    """The first published run of a match did the work; a run that goes on has worked since its start."""
    migrate.migrate(url, "0005")
    columns = "INSERT INTO runs (run_id, match_id, status, started_at_ms, ended_at_ms) VALUES "
    with open_database(url).connect() as connection, connection.begin():
        connection.exec_driver_sql(
            "INSERT INTO matches (match_id, fingerprint, recording, status, attempt, created_at_ms, updated_at_ms, "
            f"duration_ms) VALUES ('{MATCH}', 'f', '/nas/a.mp4', 'published', 1, 0, 0, 50)")
        for values in ("'failed', 1, 5", "'published', 10, 110", "'published', 200, 205", "'running', 300, NULL"):
            number = values.split(", ")[1]
            connection.exec_driver_sql(f"{columns} ('run-{number}', '{MATCH}', {values})")
    migrate.migrate(url)
    assert publications.past_runs(url, 9) == [PastRun(50, 100)]
    rows = [(row["worked_ms"], row["working_since_ms"], row["failure_counted"]) for row in runs.of_match(url, MATCH)]
    assert rows == [(4, None, True), (100, None, False), (5, None, False), (0, 300, False)]
    assert not publications.add(url, MATCH, "a" * 64, "run-9")


@pytest.mark.parametrize(("reason", "exit_code", "cause"), [
    ("Cup final.mp4 is empty: copy the recording again", 3, "recording"),
    ("MAX_WORKERS='x' is not a number: use 1 to 64", 2, "setting"),
    ("waiting for space: scan needs about 3 GB more", None, "storage"),
    ("WORKING_DIR (/work) is full: free some", 1, "storage"),
    ("the run was marked failed by hand while scan was not done", None, "stopped"),
    ("held (halt) by anna since 2026-01-31 20:15 UTC", 1, "stopped"),
    ("the step was ended by signal 9", -9, "infrastructure"),
])
def test_what_failed_before_revision_0007_has_a_cause(url: str, reason: str, exit_code: int | None,
                                                      cause: str) -> None:
    migrate.migrate(url, "0006")
    with open_database(url).connect() as connection, connection.begin():
        connection.execute(text(
            "INSERT INTO matches (match_id, fingerprint, recording, status, attempt, created_at_ms, updated_at_ms, "
            f"reason) VALUES ('{MATCH}', 'f', '/nas/a.mp4', 'failed', 1, 0, 0, :reason)").bindparams(reason=reason))
        connection.execute(text(
            "INSERT INTO runs (run_id, match_id, status, started_at_ms, ended_at_ms, worked_ms, failure_counted, "
            f"reason) VALUES ('run-1', '{MATCH}', 'failed', 1, 5, 4, true, :reason)").bindparams(reason=reason))
        if exit_code is not None:
            connection.execute(text(
                "INSERT INTO stage_times (run_id, stage, part, wall_ms, done, reason, stats) "
                "VALUES ('run-1', 'scan', '', 5, false, :reason, :stats)").bindparams(
                    reason=reason, stats=json.dumps({"exit_code": exit_code})))
    migrate.migrate(url)
    assert [match.failure for match in matches.every(url)] == [Failure(cause, reason)]
    assert [row["cause"] for row in runs.of_match(url, MATCH)] == [cause]
    assert {stage.failure for stage in runs.stages(url, "run-1")} <= {Failure(cause, reason)}


def test_an_unknown_revision_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="no revision '0099'"):
        migrate.migrate(url, "0099")


def test_a_catalogue_of_a_newer_release_is_left_alone(url: str) -> None:
    matches.every(url)
    with open_database(url).connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(TouchlineError, match="newer release"):
        migrate.migrate(url)


def test_four_processes_that_come_first_at_once_all_find_the_tables(url: str) -> None:
    with ProcessPoolExecutor(4) as pool:
        assert list(pool.map(migrate.bring_up, [url] * 4)) == [None] * 4
    assert migrate.current_revision(url) == HEAD


def switch_together(addresses: list[str], start: float) -> None:
    while time.time() < start:
        pass
    for address in addresses:
        with open_database(address).connect():
            pass


def test_a_new_file_bears_that_several_processes_open_it_at_the_same_moment(tmp_path: Path) -> None:
    addresses = [f"sqlite:///{tmp_path}/{number}.db" for number in range(200)]
    with ProcessPoolExecutor(4) as pool:
        together = time.time() + 1
        assert list(pool.map(switch_together, [addresses] * 4, [together] * 4)) == [None] * 4
