"""A socket in StatsD's place, and what is backed up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.merged import merged
from support.statsd_wire import Wire
from touchline.catalogue import matches
from touchline.domain.layout import MatchFolder, WorkFiles
from touchline.exports.match_folder import NewFile, commit_files
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline_airflow.databases.connection import Database
from touchline_airflow.metrics.metric import look_up_again
from touchline_airflow.recovery.backup import Sources
from unit.airflow.backup_place import MATCH


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Our metrics go here."""
    wire = Wire()
    for name, value in wire.environment.items():
        monkeypatch.setenv(name, value)
    look_up_again()
    yield wire
    look_up_again()
    wire.close()


@pytest.fixture
def sources(own_settings: Settings, tmp_path: Path) -> Sources:
    """A small Airflow database, one published match, keys."""
    with closing(sqlite3.connect(tmp_path / "airflow.db")) as connection:
        connection.executescript("""
            CREATE TABLE dag_run (dag_id TEXT, run_id TEXT, state TEXT, end_date TIMESTAMP);
            CREATE TABLE task_instance (dag_id TEXT, run_id TEXT, state TEXT, end_date TIMESTAMP);
            INSERT INTO dag_run VALUES ('process_match', 'match__1', 'running', NULL);""")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "fernet").write_text("key")
    (tmp_path / "backups").mkdir()
    matches.register(own_settings.catalogue_address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    files = WorkFiles(own_settings.working_dir, MATCH)
    reuse_or_compute(files.actions, "merge_actions", {}, merged)
    files.reel_video("keeper").parent.mkdir()
    files.reel_video("keeper").write_bytes(b"video")
    (files.root / ".scan.7.part.json").write_text("half")
    commit_files(MatchFolder(own_settings.nas_output_path, MATCH), [NewFile.of("match.json", b"{}")])
    return Sources(own_settings, Database("airflow", f"sqlite:///{tmp_path / 'airflow.db'}"), tmp_path / "keys")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """BACKUP_DIR."""
    return tmp_path / "backups"
