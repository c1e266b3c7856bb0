"""Work that does not fit into a budget waits, uses up no try, and goes on when there is space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.running_airflow import SETTINGS, RunningAirflow, running_airflow
from support.waiting import wait_for
from touchline.catalogue import matches, runs

BUDGETS = {"WORKING_BUDGET_GB": "0.05", "SCRATCH_BUDGET_GB": "0.05", "MIN_FREE_GB": "0"}
FULL_BYTES = 50_000_000


@pytest.fixture(scope="module")
def small_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    with running_airflow(tmp_path_factory.mktemp("small"), {**SETTINGS, **BUDGETS}) as airflow:
        yield airflow


def filled(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "filler").write_bytes(bytes(FULL_BYTES))
    return folder / "filler"


def states(airflow: RunningAirflow, run_id: str, task_id: str) -> set[str]:
    return {task["state"] for (name, _), task in airflow.tasks(run_id).items() if name == task_id}


def is_waiting(airflow: RunningAirflow, run_id: str, task_id: str) -> Callable[[], bool]:
    return lambda: "up_for_reschedule" in states(airflow, run_id, task_id)


def test_open_match_and_mapped_steps_wait_for_space_and_lose_no_try(
        small_airflow: RunningAirflow, footage: Path) -> None:
    airflow = small_airflow
    in_working, in_scratch = filled(airflow.working_dir / "somebody's"), filled(airflow.processes.scratch_dir)
    (airflow.nas / "short.marks.csv").write_text("time,label\n00:00:04,Save\n")
    (airflow.nas / "short.mp4").write_bytes((footage / "short.mp4").read_bytes())
    run_id = str(wait_for("a run", lambda: airflow.api.runs("process_match"))[0]["dag_run_id"])

    wait_for("open_match waits", is_waiting(airflow, run_id, "open_match"))
    [match] = [match for match in matches.every(airflow.catalogue) if match.recording.endswith("short.mp4")]
    assert match.lease_holder is None
    assert (match.reason or "").startswith(f"waiting for space: {match.match_id} needs about ")
    in_working.unlink()

    wait_for("spot_chunk waits", is_waiting(airflow, run_id, "spot_chunk"))
    [reason] = {stage.failure.reason for stage in runs.stages(airflow.catalogue, run_id)
                if stage.stage == "spot_chunk" and stage.failure}
    assert reason and reason.startswith(f"waiting for space: spot_chunk of {match.match_id} needs about 1 MB more in "
                                        f"SCRATCH_DIR ({airflow.processes.scratch_dir})")
    in_scratch.unlink()

    assert airflow.finish(run_id)["state"] == "success"
    assert {name: task["try_number"] for name, task in airflow.tasks(run_id).items() if task["try_number"] != 1} == {}
    found = matches.find(airflow.catalogue, match.match_id)
    assert found and (found.status, found.reason) == ("published", None)


def test_a_match_that_is_larger_than_the_budget_fails_at_once_and_says_what_to_do(
        small_airflow: RunningAirflow) -> None:
    airflow, run_id = small_airflow, "match__too-large"
    with (airflow.nas / "large.bin").open("wb") as handle:
        handle.truncate(1_000_000_000)
    airflow.api.trigger("process_match", {"recording": "large.bin"}, run_id)
    assert airflow.finish(run_id)["state"] == "failed"
    [match] = [match for match in matches.every(airflow.catalogue) if match.recording.endswith("large.bin")]
    line = (f"{match.match_id} needs about 500 MB in WORKING_DIR ({airflow.working_dir}), and WORKING_BUDGET_GB "
            "allows 50 MB in all: raise it, then clear the task")
    assert (match.status, match.reason) == ("failed", line)
    assert airflow.folder(match.match_id).failure.read_text() == f"{line}\n"
    log = airflow.api.log("process_match", run_id, "open_match", 1)
    assert line in log


@pytest.mark.parametrize(("dag_id", "conf"), [("retention", {"dry_run": True}), ("clean_database", {})])
def test_the_nightly_upkeep_runs(small_airflow: RunningAirflow, dag_id: str, conf: dict[str, bool]) -> None:
    run = small_airflow.api.trigger(dag_id, conf)
    assert small_airflow.api.wait_for_run(dag_id, run["dag_run_id"], 300)["state"] == "success"
