"""An upgrade from older tables of both databases, and the way back when a check fails, as docs/how-to/upgrade.md says.

The DAG side (drain, resume) is played on a running Airflow; the tables go up from revision 0002 and from Airflow 3.1.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.running_airflow import running_airflow
from support.waiting import wait_for
from touchline.catalogue import matches
from touchline.catalogue.migrate import current_revision, migrate
from touchline.catalogue.schema import HEAD
from touchline_airflow.databases.connection import Database, connecting
from touchline_airflow.recovery.dumps import Content, held_by
from touchline_airflow.recovery.upgrade import is_airflow_up

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.verify
PYTHON = str(ROOT / ".venv" / "bin" / "python")
OLDER_AIRFLOW = "3.1.0"


@dataclass(frozen=True)
class Deployment:
    """What an upgrade works on."""

    airflow: Database
    catalogue: Database
    environ: dict[str, str]

    def upgrade(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What `touchline-ops upgrade` says."""
        argv = [PYTHON, "-m", "touchline_airflow.cli", "upgrade", *arguments]
        return subprocess.run(argv, env=self.environ, capture_output=True, text=True, check=False)

    def held(self) -> tuple[Content, Content]:
        return held_by(self.catalogue), held_by(self.airflow)


@pytest.fixture
def older(new_database: Callable[[], str], tmp_path: Path) -> Deployment:
    """Both databases with the tables of older releases, three matches and a connection in them."""
    folders = {name: tmp_path / name for name in ("home", "work", "scratch", "nas", "output", "backups")}
    for folder in folders.values():
        folder.mkdir()
    airflow, catalogue = Database("airflow", new_database()), Database("catalogue", new_database())
    environ = {
        **os.environ, "TOUCHLINE_METADATA_URL": airflow.url, "CATALOGUE_URL": catalogue.url,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow.url, "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW_HOME": str(folders["home"]), "WORKING_DIR": str(folders["work"]),
        "SCRATCH_DIR": str(folders["scratch"]), "NAS_MOUNT_PATH": str(folders["nas"]),
        "NAS_OUTPUT_PATH": str(folders["output"]), "BACKUP_DIR": str(folders["backups"])}
    for argv in (["migrate"], ["downgrade", "--to-version", OLDER_AIRFLOW, "--yes"]):
        subprocess.run([PYTHON, "-m", "airflow", "db", *argv], env=environ, check=True, capture_output=True)
    with connecting(airflow) as connection, connection.begin():
        connection.exec_driver_sql("INSERT INTO variable (key, val, is_encrypted) VALUES ('a name', '', false)")
    for number in range(3):
        matches.register(catalogue.url, f"m{number}-0123456789ab", f"{number}" * 64, f"/nas/{number}.mp4")
    migrate(catalogue.url, "0002")
    return Deployment(airflow, catalogue, environ)


def test_both_databases_go_up(older: Deployment) -> None:
    before = older.held()
    done = older.upgrade("run")
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert current_revision(older.catalogue.url) == HEAD
    assert held_by(older.airflow).revision != before[1].revision
    assert held_by(older.catalogue).rows["matches"] == 3


@pytest.mark.parametrize("failing", [["--check", "echo no good; false"]])
def test_a_check_that_fails_takes_both_back(older: Deployment, failing: list[str]) -> None:
    before = older.held()
    done = older.upgrade("run", *failing)
    print(done.stdout, done.stderr)
    assert done.returncode == 1
    assert "the check of your own check failed: no good" in done.stderr and len(done.stderr.splitlines()) == 1
    assert older.held() == before
    # And once more, with what failed mended.
    assert older.upgrade("run").returncode == 0
    assert current_revision(older.catalogue.url) == HEAD


def test_a_migration_that_fails_takes_both_back(older: Deployment) -> None:
    with connecting(older.catalogue) as connection, connection.begin():
        connection.exec_driver_sql("CREATE TABLE backups (in_the_way TEXT)")
    before = older.held()
    done = older.upgrade("run")
    assert done.returncode == 1 and "went back" in done.stdout
    assert older.held() == before


def test_what_runs_is_drained_and_goes_on(tmp_path: Path) -> None:
    state = tmp_path / "state"

    def upgrade(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [PYTHON, "-m", "touchline_airflow.cli", "upgrade", *arguments, "--state", str(state)]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    with running_airflow(tmp_path, {"TOUCHLINE_RUNTIME": "process"}, nas=state / "nas") as airflow:
        api = airflow.api
        wait_for("the DAGs", lambda: len(api.dags()) >= 4 or None, 120)
        refused = upgrade("run")
        assert refused.returncode == 2 and "end it first" in refused.stderr
        assert is_airflow_up(Database("airflow", f"sqlite:///{state / 'airflow' / 'airflow.db'}"))
        drained = upgrade("drain", "--wait", "120")
        assert "drained: no task runs" in drained.stdout, drained
        assert all(dag["is_paused"] for dag in api.dags())
    begun = time.monotonic()
    done = upgrade("run")
    print(done.stdout, done.stderr, f"{time.monotonic() - begun:.1f} s")
    if "was seen within" in done.stderr:  # it was ended in good order, so it is not
        raise AssertionError(done.stderr)
    assert done.returncode == 0
    with running_airflow(tmp_path, {"TOUCHLINE_RUNTIME": "process"}, nas=state / "nas") as airflow:
        resumed = upgrade("resume")
        assert "work goes on" in resumed.stdout, resumed
        assert not any(dag["is_paused"] for dag in airflow.api.dags())
