"""Work that does not fit into a budget waits, uses up no try, and goes on when there is space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.running_airflow import SETTINGS, House, wait_for
from touchline.catalogue import matches, runs
from touchline_deploy.embedded.standalone import start

BUDGETS = {"WORKING_BUDGET_GB": "0.05", "SCRATCH_BUDGET_GB": "0.05", "MIN_FREE_GB": "0"}
FULL_BYTES = 50_000_000


@pytest.fixture(scope="module")
def small_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("small-house")
    nas = folder / "nas"
    with start(folder / "state", nas, nas / "output", port=18070, settings={**SETTINGS, **BUDGETS}) as stack:
        yield House(stack, nas, nas / "output", stack.api())


def filled(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "filler").write_bytes(bytes(FULL_BYTES))
    return folder / "filler"


def states(house: House, run_id: str, task_id: str) -> set[str]:
    return {task["state"] for (name, _), task in house.tasks(run_id).items() if name == task_id}


def is_waiting(house: House, run_id: str, task_id: str) -> Callable[[], bool]:
    return lambda: "up_for_reschedule" in states(house, run_id, task_id)


def test_open_match_and_mapped_steps_wait_for_space_and_lose_no_try(small_house: House, footage: Path) -> None:
    house = small_house
    in_working, in_scratch = filled(house.stack.working_dir / "somebody's"), filled(house.stack.scratch_dir)
    (house.nas / "short.marks.csv").write_text("time,label\n00:00:04,Save\n")
    (house.nas / "short.mp4").write_bytes((footage / "short.mp4").read_bytes())
    run_id = str(wait_for("a run", lambda: house.api.runs("process_match"))[0]["dag_run_id"])

    wait_for("open_match waits", is_waiting(house, run_id, "open_match"))
    [match] = [match for match in matches.every(house.catalogue) if match.recording.endswith("short.mp4")]
    assert match.lease_holder is None
    assert (match.reason or "").startswith(f"waiting for space: {match.match_id} needs about ")
    in_working.unlink()

    wait_for("spot_chunk waits", is_waiting(house, run_id, "spot_chunk"))
    [reason] = {stage.failure.reason for stage in runs.stages(house.catalogue, run_id)
                if stage.stage == "spot_chunk" and stage.failure}
    assert reason and reason.startswith(f"waiting for space: spot_chunk of {match.match_id} needs about 1 MB more in "
                                        f"SCRATCH_DIR ({house.stack.scratch_dir})")
    in_scratch.unlink()

    assert house.finish(run_id)["state"] == "success"
    assert {name: task["try_number"] for name, task in house.tasks(run_id).items() if task["try_number"] != 1} == {}
    found = matches.find(house.catalogue, match.match_id)
    assert found and (found.status, found.reason) == ("published", None)


def test_a_match_that_is_larger_than_the_budget_fails_at_once_and_says_what_to_do(small_house: House) -> None:
    house, run_id = small_house, "match__too-large"
    with (house.nas / "large.bin").open("wb") as handle:
        handle.truncate(1_000_000_000)
    house.api.trigger("process_match", {"recording": "large.bin"}, run_id)
    assert house.finish(run_id)["state"] == "failed"
    [match] = [match for match in matches.every(house.catalogue) if match.recording.endswith("large.bin")]
    line = (f"{match.match_id} needs about 500 MB in WORKING_DIR ({house.stack.working_dir}), and WORKING_BUDGET_GB "
            "allows 50 MB in all: raise it, then clear the task")
    assert (match.status, match.reason) == ("failed", line)
    assert house.folder(match.match_id).failure.read_text() == f"{line}\n"
    log = house.api.log("process_match", run_id, "open_match", 1)
    assert line in log


@pytest.mark.parametrize(("dag_id", "conf"), [("retention", {"dry_run": True}), ("clean_database", {})])
def test_the_nightly_upkeep_runs(small_house: House, dag_id: str, conf: dict[str, bool]) -> None:
    run = small_house.api.trigger(dag_id, conf)
    assert small_house.api.wait_for_run(dag_id, run["dag_run_id"], 300)["state"] == "success"
