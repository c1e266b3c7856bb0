"""A recording is looked at while it is written, by the real ingest; its steps are killed in between."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.footage import TOUCHLINE, ffmpeg, simulate
from support.running_airflow import SETTINGS, RunningAirflow, running_airflow
from support.waiting import wait_for
from touchline.catalogue import matches, recordings, runs
from touchline.catalogue.matches import Match
from touchline.results.growing import growing_match_id

pytestmark = pytest.mark.verify
SECONDS = 70
LIVE = {**SETTINGS, "LIVE": "true", "LIVE_CHAPTER_SEC": "10", "MIN_EVENT_CONFIDENCE": "0.3",
        "WATCH_MORE_SEC": "400", "CHUNK_DURATION_SEC": "600"}


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    """Instead of everybody's: it looks at recordings while they are written."""
    with running_airflow(tmp_path_factory.mktemp("growing"), LIVE) as airflow:
        yield airflow


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("film")
    whole = simulate(folder, SECONDS, 3)
    ffmpeg("-i", whole, "-c:v", "libx264", "-b:v", "2M", "-g", "50", "-c:a", "aac", folder / "film.ts")
    return (folder / "film.ts").read_bytes()


def grow(path: Path, film: bytes, part: float) -> None:
    with path.open("ab") as handle:
        handle.write(film[path.stat().st_size : int(part * len(film))])


def provisional(airflow: RunningAirflow, path: Path, attempt: int, status: str = "published") -> Match:
    def found() -> Match | None:
        match = matches.find(airflow.catalogue, str(growing_match_id(path)))
        return match if match and match.attempt >= attempt and match.status == status else None

    return wait_for(f"attempt {attempt} {status}", found, 600)


def kill_steps(airflow: RunningAirflow) -> None:
    """A step that works, once there is one."""
    def killed() -> bool:
        for pid, argv in airflow.steps_running():
            if any("spot-chunk" in word for word in argv):
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    wait_for("a step to be killed", killed, 300, poll_sec=0.05)


def test_a_growing_recording_is_published_chapter_by_chapter_and_then_as_a_whole(
        airflow: RunningAirflow, film: bytes, tmp_path: Path) -> None:
    path = airflow.nas / "Cup final.ts"
    path.touch()
    grow(path, film, 0.4)
    first = provisional(airflow, path, 1)
    folder = airflow.folder(first.match_id).root
    assert (folder / "manifest.json").exists() and len(first.sources) == 1
    seen = airflow.files(first.match_id).spottings("chunk-0000").stat().st_mtime_ns

    grow(path, film, 0.7)
    kill_steps(airflow)
    second = provisional(airflow, path, 2)
    assert second.sources[0] == first.sources[0] and len(second.sources) == 2
    assert airflow.files(first.match_id).spottings("chunk-0000").stat().st_mtime_ns == seen

    grow(path, film, 1)
    (airflow.nas / ".done").touch()
    wait_for("the whole recording", lambda: (row := recordings.find(airflow.catalogue, str(path)))
             and row.status == "registered", 300)
    kill_steps(airflow)
    row = recordings.find(airflow.catalogue, str(path))
    assert row is not None
    whole_id = str(row.match_id)
    wait_for("its match", lambda: (whole := matches.find(airflow.catalogue, whole_id)) and whole.status == "published",
             600)
    wait_for("the end of the provisional match", lambda: matches.find(airflow.catalogue, first.match_id) is None, 400)
    assert not folder.exists() and not airflow.files(first.match_id).root.exists()
    its_runs = {run["run_id"] for run in runs.of_match(airflow.catalogue, whole_id)}
    assert [match.match_id for match in matches.every(airflow.catalogue)] == [whole_id]
    assert {f"match__{first.match_id}__1", f"match__{first.match_id}__2", f"match__{whole_id}__1"} <= its_runs

    settings = {name: LIVE[name] for name in ("CHUNK_DURATION_SEC", "USE_GPU", "MIN_EVENT_CONFIDENCE")}
    subprocess.run([TOUCHLINE, "process", path, "--output", tmp_path / "out"], check=True, capture_output=True,
                   env={**os.environ, **settings})
    at_once = (tmp_path / "out" / whole_id / "manifest.json").read_bytes()
    assert (airflow.folder(whole_id).root / "manifest.json").read_bytes() == at_once
