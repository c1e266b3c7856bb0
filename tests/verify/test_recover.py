"""Both databases, WORKING_DIR and the keys are lost, and a backup brings them back on a clean place (must-show 6).

RECOVER_REPORT is a folder for the figures.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("scripts", "include", "tests/integration/airflow")]

from airflow_house import simulate, wait_for

from services import Postgres, missing
from standalone import Stack, start
from touchline.catalogue import matches, runs
from touchline.domain.layout import MatchFolder, WorkFiles

pytestmark = pytest.mark.verify
PYTHON = ROOT / ".venv" / "bin" / "python"
RTO_SEC = 300
PATIENCE_SEC = 900


@dataclass
class Place:
    """One deployment: an Airflow with a PostgreSQL and a state folder; mount, output and backups outlive it."""

    postgres: Postgres
    state: Path
    nas: Path
    backups: Path
    stack: Stack | None = field(default=None)

    @property
    def environ(self) -> dict[str, str]:
        """What tells it from another place."""
        return {"TOUCHLINE_METADATA_URL": self.postgres.url("airflow"), "CATALOGUE_URL": self.postgres.url("catalogue"),
                "BACKUP_DIR": str(self.backups), "TOUCHLINE_RUNTIME": "process", "USE_GPU": "false",
                "WATCH_STABLE_TIME_SEC": "2", "CHUNK_DURATION_SEC": "10"}

    @property
    def catalogue(self) -> str:
        return self.environ["CATALOGUE_URL"]

    def up(self, port: int) -> Stack:
        self.stack = start(self.state, self.nas, self.nas / "output", port=port, settings=self.environ)
        return self.stack

    def match(self, name: str) -> matches.Match | None:
        """The match that was made from this recording."""
        return next((row for row in matches.every(self.catalogue) if row.match_id.startswith(f"{name}-")), None)

    def is_published(self, name: str) -> bool:
        row = self.match(name)
        return bool(row and row.status == "published")

    def backup(self, *arguments: str) -> str:
        """What scripts/backup.py says."""
        argv = [str(PYTHON), str(ROOT / "scripts" / "backup.py"), "--state", str(self.state), "--nas", str(self.nas)]
        done = subprocess.run([*argv, *arguments], env={**os.environ, **self.environ}, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def services() -> Iterator[Path]:
    """A folder that PostgreSQL's user may enter."""
    if line := missing():
        pytest.skip(line)
    with tempfile.TemporaryDirectory(prefix="touchline-recover-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def drop(footage: Path, nas: Path, name: str) -> None:
    """A recording of its own by a few bytes after its end, the same pictures."""
    box = secrets.token_bytes(16)
    partial = nas / f"{name}.mp4.part"
    partial.write_bytes(footage.read_bytes() + (8 + len(box)).to_bytes(4, "big") + b"free" + box)
    partial.rename(nas / f"{name}.mp4")


def state_of(folder: Path) -> dict[str, tuple[str, int]]:
    """Content and moment of the last change of every file: a file that was written anew is seen."""
    return {str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in sorted(folder.rglob("*")) if path.is_file()}


def chunks_of(place: Place, name: str) -> dict[str, int]:
    """Finished chunks of a match, and when they were made."""
    row = place.match(name)
    files = WorkFiles(place.state / "work", row.match_id).root.glob("spottings/chunk-????.json") if row else ()
    return {path.name: path.stat().st_mtime_ns for path in files}


def test_everything_is_lost_and_comes_back(tmp_path: Path, services: Path) -> None:
    short, long = (simulate(tmp_path / name, seconds, 3) for name, seconds in (("short", 8), ("long", 80)))
    nas, backups = tmp_path / "nas", tmp_path / "backups"
    (nas / "output").mkdir(parents=True)
    backups.mkdir()
    figures: dict[str, float] = {}

    with Postgres(services / "old") as postgres:
        old = Place(postgres, tmp_path / "state", nas, backups)
        api = old.up(19480).api()
        try:
            for name in ("first", "second"):
                drop(short, nas, name)
            wait_for("two matches", lambda: old.is_published("first") and old.is_published("second"), PATIENCE_SEC)
            drop(long, nas, "midway")
            wait_for("a chunk", lambda: chunks_of(old, "midway"), PATIENCE_SEC)
            begun = time.monotonic()
            api.trigger("backup", {}, "manual__before_the_loss")
            assert api.wait_for_run("backup", "manual__before_the_loss", 120)["state"] == "success"
            figures["backup by the DAG"] = time.monotonic() - begun
            in_backup = chunks_of(old, "midway")
            drop(short, nas, "later")
            wait_for("the trigger's match", lambda: old.match("later"), PATIENCE_SEC)
            wait_for("a match after the backup", lambda: old.is_published("later"), PATIENCE_SEC)
            drop(short, nas, "latest")
            wait_for("a run after the backup", lambda: old.match("latest"), PATIENCE_SEC)
            assert not old.is_published("midway"), "the footage is too short: the match was not interrupted"
            published = {name: row.match_id for name in ("first", "second", "later") if (row := old.match(name))}
        finally:
            postgres.kill()
            os.kill(old.stack.supervisor.pid, signal.SIGKILL)  # type: ignore[union-attr]
            old.stack.stop()  # type: ignore[union-attr]
    before = {match_id: state_of(nas / "output" / match_id) for match_id in published.values()}
    shutil.rmtree(services / "old")
    shutil.rmtree(old.state)

    begun = time.monotonic()
    with Postgres(services / "new") as postgres:
        new = Place(postgres, tmp_path / "state-new", nas, backups)
        figures["an empty PostgreSQL"] = time.monotonic() - begun
        said = new.backup("restore")
        print(said)
        figures["restore"] = time.monotonic() - begun - figures["an empty PostgreSQL"]
        assert f"{published['later']}: published after the backup, taken over from its folder" in said
        assert "is missing" not in said and "WARNING" not in said
        with new.up(19580) as stack:
            api = stack.api()
            figures["RTO: from nothing to a healthy Airflow"] = time.monotonic() - begun
            row = new.match("midway")
            assert row and row.lease_holder
            wait_for("the interrupted match works again", lambda: set(chunks_of(new, "midway")) - set(in_backup)
                     or new.is_published("midway"), PATIENCE_SEC)
            figures["until the interrupted match works again"] = time.monotonic() - begun
            wait_for("the interrupted match", lambda: new.is_published("midway"), PATIENCE_SEC)
            figures["until the interrupted match is published"] = time.monotonic() - begun
            wait_for("the match that the backup does not know", lambda: new.is_published("latest"), PATIENCE_SEC)

            assert figures["RTO: from nothing to a healthy Airflow"] <= RTO_SEC
            # Nothing published was lost, changed or made twice; the one of which the backup did not know neither.
            assert {match_id: state_of(nas / "output" / match_id) for match_id in published.values()} == before
            assert all(new.is_published(name) for name in ("first", "second", "later", "midway", "latest"))
            for name in ("first", "second", "midway", "latest"):
                ended = [run["status"] for run in runs.of_match(new.catalogue, new.match(name).match_id)]  # type: ignore[union-attr]
                assert ended == ["published"], name
            assert runs.of_match(new.catalogue, published["later"]) == []
            assert [run["dag_run_id"] for run in api.runs("process_match") if "later-" in run["dag_run_id"]] == []
            # What was finished in the backup was not computed again.
            after = chunks_of(new, "midway")
            assert in_backup and {name: after.get(name) for name in in_backup} == in_backup
            manifest = json.loads(MatchFolder(nas / "output", row.match_id).manifest.read_bytes())
            assert all((nas / "output" / row.match_id / name).is_file() for name in manifest["files"])
            assert new.backup("trial")
    report = "\n".join(["| what | seconds |", "|---|---|", *(f"| {name} | {took:.1f} |" for name, took in figures.items())])
    print(report)
    if folder := os.environ.get("RECOVER_REPORT"):
        (Path(folder) / "recover.md").write_text(report + "\n")
