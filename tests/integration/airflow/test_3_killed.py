"""SIGKILL of a task process in the middle of a chunk, and of the scheduler: one published match, nothing left over."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from support.running_airflow import RunningAirflow
from support.waiting import wait_for
from touchline.catalogue import runs


@pytest.fixture(scope="module")
def killed(airflow: RunningAirflow, footage: Path) -> dict[str, Any]:
    """Start a match, kill the task process of its first chunk, then the scheduler during the last one."""
    shutil.copyfile(footage / "other.mp4", airflow.nas / "other.mp4")
    run = airflow.run_of("other.mp4")
    run_id, match_id = str(run["dag_run_id"]), str(run["conf"]["match_id"])
    step = wait_for("a chunk at work", lambda: chunk_at_work(airflow, match_id))
    os.kill(parent_of(step), signal.SIGKILL)
    wait_for("the step to end with its task", lambda: not is_running(step), 10)
    spottings = airflow.files(match_id).spottings("chunk-0000").parent
    finished = wait_for("a finished chunk", lambda: {
        path: path.stat().st_mtime_ns for path in spottings.glob("chunk-????.json")})
    step = wait_for("another chunk at work", lambda: chunk_at_work(airflow, match_id, except_for=set(finished)))
    scheduler = airflow.processes.pids()["scheduler"]
    os.kill(scheduler, signal.SIGKILL)
    wait_for("the step to end with the scheduler", lambda: not is_running(step), 20)
    wait_for("a new scheduler", lambda: airflow.processes.pids()["scheduler"] != scheduler, 30)
    state = airflow.finish(run_id)["state"]
    return {"run_id": run_id, "match_id": match_id, "finished": finished, "state": state}


def chunk_at_work(airflow: RunningAirflow, match_id: str, except_for: set[Path] = frozenset()) -> int | None:  # type: ignore[assignment]
    done = {path.stem for path in except_for}
    return next((pid for pid, argv in airflow.steps_running()
                 if "spot-chunk" in argv and match_id in argv and not done & set(argv)), None)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def test_the_match_is_published_once(airflow: RunningAirflow, killed: dict[str, Any]) -> None:
    assert killed["state"] == "success"
    assert [run["status"] for run in runs.of_match(airflow.catalogue, killed["match_id"])] == ["published"]
    assert airflow.folder(killed["match_id"]).manifest.exists()


def test_finished_chunks_were_not_computed_again(killed: dict[str, Any]) -> None:
    assert killed["finished"]
    assert {path: path.stat().st_mtime_ns for path in killed["finished"]} == killed["finished"]


def test_no_child_process_is_left(airflow: RunningAirflow, killed: dict[str, Any]) -> None:
    assert [argv for _, argv in airflow.steps_running() if killed["match_id"] in argv] == []


def test_no_temporary_file_is_left(airflow: RunningAirflow, killed: dict[str, Any]) -> None:
    roots = (airflow.files(killed["match_id"]).root, airflow.folder(killed["match_id"]).root)
    left = [path for root in roots for path in root.rglob("*") if ".part" in path.name or path.name.endswith(".tmp")]
    assert left == []
    assert not (airflow.processes.scratch_dir / "matches" / killed["match_id"]).exists()
