"""Ten matches wait on the full stack and a coach starts one more by hand: who goes first, and does it wait in vain?"""

from __future__ import annotations

import os
from typing import Any

import pytest

from support.footage import put_copy, simulate
from support.full_stack import GPU_CONCURRENCY, HOSTS, LIGHT_CONCURRENCY, full_stack, missing_for_the_stack
from support.running_airflow import SETTINGS

pytestmark = pytest.mark.verify
DAG = "process_match"
BY_HAND = "coach"
ORDER = [*(f"nightly__{number}" for number in range(3)), *(f"match__{number}" for number in range(7)), BY_HAND]
"""As they are started, which is the worst order."""
UP_TO_SEC = 900


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The tasks of each run."""
    if missing := missing_for_the_stack():
        assert os.environ.get("TOUCHLINE_ENGINE") != "required", missing
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("order")
    source = simulate(folder / "footage", 20, 7)
    with full_stack(folder, {**SETTINGS, "TOUCHLINE_RUNTIME": "docker", "CHUNK_DURATION_SEC": "3600"}) as stack:
        api = stack.api
        stack.leave_only(DAG)
        for run_id in ORDER:
            put_copy(source, stack.nas / f"{run_id}.mp4")
        for run_id in ORDER:
            api.trigger(DAG, {"recording": str(stack.nas / f"{run_id}.mp4")}, run_id)
        for run_id in ORDER:
            assert api.wait_for_run(DAG, run_id, UP_TO_SEC)["state"] == "success", run_id
        return {run_id: api.tasks(DAG, run_id) for run_id in ORDER}


def ended(tasks: list[dict[str, Any]]) -> str:
    return max(str(task["end_date"]) for task in tasks)


def test_few_tasks_go_before_those_of_a_run_by_hand(seen: dict[str, list[dict[str, Any]]]) -> None:
    """Only what was sent to the workers already: of light tasks no more than there are places for."""
    others = [task for run_id, tasks in seen.items() if run_id != BY_HAND for task in tasks]
    overtaken = {task["task_id"]: sum(other["pool"] == "light" and
                                      task["scheduled_when"] < other["start_date"] < task["start_date"]
                                      for other in others)
                 for task in seen[BY_HAND] if task["pool"] == "light"}
    print(f"light tasks of others that began while one of the run by hand waited: {overtaken}")
    assert max(overtaken.values()) <= LIGHT_CONCURRENCY


def test_by_hand_before_ingest_before_backfill(seen: dict[str, list[dict[str, Any]]]) -> None:
    """But for those that have a place already when the more urgent ones come."""
    by_end = sorted(ORDER, key=lambda run_id: ended(seen[run_id]))
    print(f"published in this order: {by_end}")
    assert by_end.index(BY_HAND) <= LIGHT_CONCURRENCY
    assert by_end[-1].startswith("nightly__")


def test_matches_end_one_after_another(seen: dict[str, list[dict[str, Any]]]) -> None:
    """While one waits for its chunk, those before it are published: never all are begun and none is done."""
    begun = sorted(task["start_date"] for tasks in seen.values() for task in tasks if task["task_id"] == "spot_chunk")
    done = sorted(map(ended, seen.values()))
    at_once = [number - sum(end < start for end in done) for number, start in enumerate(begun, 1)]
    print(f"matches between the start of their chunk and their end, at each start: {at_once}")
    assert max(at_once) <= 2 * len(HOSTS) * GPU_CONCURRENCY + 1
