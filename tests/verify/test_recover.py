"""Both databases, WORKING_DIR and the keys are lost, and a backup brings them back on a clean place (must-show 6).

RECOVER_REPORT is a folder for the figures.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.contents import contents
from support.footage import put_copy, simulate
from support.running_airflow import RunningAirflow, running_airflow
from support.services import Postgres, missing
from support.waiting import wait_for
from touchline.catalogue import matches, recordings, runs
from touchline.domain.layout import MatchFolder, WorkFiles

ROOT = Path(__file__).resolve().parents[2]
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
    airflow: RunningAirflow | None = None

    @property
    def environ(self) -> dict[str, str]:
        """What tells it from another place."""
        return {"TOUCHLINE_METADATA_URL": self.postgres.url("airflow"), "CATALOGUE_URL": self.postgres.url("catalogue"),
                "BACKUP_DIR": str(self.backups), "TOUCHLINE_RUNTIME": "process", "USE_GPU": "false",
                "WATCH_STABLE_TIME_SEC": "2", "CHUNK_DURATION_SEC": "10"}

    @property
    def catalogue(self) -> str:
        return self.environ["CATALOGUE_URL"]

    def up(self) -> RunningAirflow:
        self.airflow = running_airflow(self.state.parent, self.environ, nas=self.nas)
        return self.airflow

    def match(self, name: str) -> matches.Match | None:
        """The match that was made from this recording."""
        return next((row for row in matches.every(self.catalogue) if row.match_id.startswith(f"{name}-")), None)

    def is_published(self, name: str) -> bool:
        row = self.match(name)
        return bool(row and row.status == "published")

    def backup(self, *arguments: str) -> str:
        """What `touchline-ops backup` says."""
        argv = [str(PYTHON), "-m", "touchline_airflow.cli", "backup", *arguments, "--state", str(self.state),
                "--nas", str(self.nas)]
        done = subprocess.run(argv, env={**os.environ, **self.environ}, capture_output=True, text=True,
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


def chunks_of(place: Place, name: str) -> dict[str, float]:
    """Finished chunks of a match, and when they were made: a chunk that was computed again is seen."""
    row = place.match(name)
    files = WorkFiles(place.state / "work", row.match_id).root.glob("spottings/chunk-????.json") if row else ()
    return {path.name: round(path.stat().st_mtime, 3) for path in files}


@dataclass
class Figures:
    """Seconds since the loss, by what was there again."""

    begun: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    def note(self, what: str) -> None:
        self.seconds[what] = time.monotonic() - self.begun

    def table(self) -> str:
        rows = (f"| {what} | {seconds:.0f} |" for what, seconds in self.seconds.items())
        return "\n".join(["| since the loss | s |", "|---|---|", *rows])


def play(old: Place, short: Path, long: Path) -> dict[str, float]:
    """Two published matches and one in mid-run, a backup, one more published match and one more in mid-run.

    Returns the chunks that the backup holds. What is started by hand comes before what the ingest starts.
    """
    api = old.up().api
    for name in ("first", "second"):
        put_copy(short, old.nas / f"{name}.mp4")
    wait_for("two matches", lambda: old.is_published("first") and old.is_published("second"), PATIENCE_SEC)
    put_copy(long, old.nas / "midway.mp4")
    wait_for("a chunk", lambda: chunks_of(old, "midway"), PATIENCE_SEC)
    api.trigger("backup", {}, "manual__before_the_loss")
    assert api.wait_for_run("backup", "manual__before_the_loss", 300)["state"] == "success"
    in_backup = chunks_of(old, "midway")
    api.request("PATCH", "/dags/ingest_recordings?update_mask=is_paused", {"is_paused": True})
    for name in ("later", "latest"):
        put_copy(short, old.nas / f"{name}.mp4")
        api.trigger("process_match", {"recording": f"{name}.mp4"}, f"manual__{name}")
        wait_for("its registration", lambda name=name: old.match(name), PATIENCE_SEC)
        if name == "later":
            wait_for("a match after the backup", lambda: old.is_published("later"), PATIENCE_SEC)
    assert not old.is_published("midway"), "the footage is too short: the match was not interrupted"
    assert not old.is_published("latest")
    return in_backup


def lose(place: Place) -> None:
    """Nothing of it is left but what lies on the NAS and in the backups."""
    place.postgres.kill()
    assert place.airflow
    os.kill(place.airflow.processes.supervisor.pid, signal.SIGKILL)
    place.airflow.processes.stop()
    shutil.rmtree(place.postgres.folder)
    shutil.rmtree(place.state)


def test_everything_is_lost_and_comes_back(tmp_path: Path, services: Path) -> None:
    short, long = (simulate(tmp_path / name, seconds, 3) for name, seconds in (("short", 8), ("long", 80)))
    nas, backups = tmp_path / "nas", tmp_path / "backups"
    (nas / "output").mkdir(parents=True)
    backups.mkdir()
    old = Place(Postgres(services / "old").start(), tmp_path / "old" / "state", nas, backups)
    try:
        in_backup = play(old, short, long)
        published = {name: row.match_id for name in ("first", "second", "later") if (row := old.match(name))}
    finally:
        lose(old)
    before = {match_id: contents(nas / "output" / match_id) for match_id in published.values()}

    figures = Figures()
    with Postgres(services / "new") as postgres:
        new = Place(postgres, tmp_path / "new" / "state", nas, backups)
        figures.note("an empty PostgreSQL")
        said = new.backup("restore")
        figures.note("restored")
        assert f"{published['later']}: published after the backup, taken over from its folder" in said
        assert "is missing" not in said and "WARNING" not in said
        with new.up() as airflow:
            figures.note("Airflow is healthy (RTO)")
            assert figures.seconds["Airflow is healthy (RTO)"] <= RTO_SEC
            goes_on(new, in_backup, figures)
            wait_for("the look at what was published after the backup", lambda: any(
                row.match_id == published["later"] for row in recordings.every(new.catalogue).values()), PATIENCE_SEC)
            # Nothing published was lost, changed or made twice; the one of which the backup did not know neither.
            assert {match_id: contents(nas / "output" / match_id) for match_id in published.values()} == before
            assert runs.of_match(new.catalogue, published["later"]) == []
            assert not [run for run in airflow.api.runs("process_match") if "later" in run["dag_run_id"]]
            new.backup("trial")
    print(said, figures.table())
    if folder := os.environ.get("RECOVER_REPORT"):
        (Path(folder) / "recover.md").write_text(f"{figures.table()}\n")


def goes_on(new: Place, in_backup: dict[str, float], figures: Figures) -> None:
    """What was interrupted is published once, from the chunks that the backup held."""
    wait_for("work on the interrupted match", lambda: set(chunks_of(new, "midway")) - set(in_backup)
             or new.is_published("midway"), PATIENCE_SEC)
    figures.note("the interrupted match has a new chunk")
    wait_for("the interrupted match", lambda: new.is_published("midway"), PATIENCE_SEC)
    figures.note("the interrupted match is published")
    wait_for("the match that the backup does not know", lambda: new.is_published("latest"), PATIENCE_SEC)
    after = chunks_of(new, "midway")
    assert in_backup and {name: after.get(name) for name in in_backup} == in_backup
    for name in ("first", "second", "midway", "latest"):
        row = new.match(name)
        assert row and row.status == "published"
        assert [run["status"] for run in runs.of_match(new.catalogue, row.match_id)] == ["published"], name
        folder = MatchFolder(new.nas / "output", row.match_id)
        listed = json.loads(folder.manifest.read_bytes())["files"]
        assert {name: hashlib.sha256((folder.root / name).read_bytes()).hexdigest() for name in listed} == {
            name: entry["sha256"] for name, entry in listed.items()}
