"""A task that its pool never lets run is found and set right; one that waits for its turn is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from touchline_airflow.ops.stuck import find_stuck, set_right

NOW = datetime(2026, 1, 31, 20, 15, tzinfo=UTC)


class FakeApi:
    """Answers as Airflow's API does, and notes what was changed."""

    def __init__(self, waits_sec: float = 900, slots: int | None = 1, taken: int = 0, paused: bool = False) -> None:
        since = (NOW - timedelta(seconds=waits_sec)).isoformat()
        self.tasks = [{"dag_run_id": "match__final__1", "task_id": "spot_chunk", "map_index": 3, "state": "scheduled",
                       "scheduled_when": since, "pool": "gpu", "pool_slots": 2}]
        self.pools = [{"name": "default_pool", "slots": 128, "occupied_slots": 0, "open_slots": 128}]
        if slots is not None:
            self.pools.append({"name": "gpu", "slots": slots, "occupied_slots": taken, "open_slots": slots - taken})
        self.paused = paused
        self.changes: list[tuple[str, str, Any]] = []

    def request(self, method: str, path: str, content: Any = None) -> Any:
        if method != "GET":
            self.changes.append((method, path, content))
            return None
        if "taskInstances" in path:
            assert "state=scheduled" in path
            return {"task_instances": self.tasks}
        return {"pools": self.pools} if path.startswith("/pools") else {"is_paused": self.paused}


def found(api: FakeApi) -> list[str]:
    return [one.line for one in find_stuck(api, moment=NOW)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("slots", "why", "change"), [
    (1, "the pool gpu has 1 slots and it takes 2", ("PATCH", "/pools/gpu?update_mask=slots")),
    (None, "the pool gpu is gone", ("POST", "/pools")),
])
def test_a_pool_that_never_lets_a_task_run_is_made_large_enough(slots: int | None, why: str,
                                                                change: tuple[str, str]) -> None:
    api = FakeApi(slots=slots)
    assert found(api) == [f"spot_chunk 3 of match__final__1 has waited for 15 min: {why}"]
    assert len(set_right(api, find_stuck(api, moment=NOW))) == 1  # type: ignore[arg-type]
    assert api.changes == [(*change, {"name": "gpu", "slots": 2, "include_deferred": False})]


def test_a_task_that_waits_although_there_is_room_is_told_and_left_alone() -> None:
    api = FakeApi(slots=4)
    assert "has room: look at the scheduler's log" in found(api)[0]
    assert set_right(api, find_stuck(api, moment=NOW)) == []  # type: ignore[arg-type]
    assert api.changes == []


@pytest.mark.parametrize("api", [
    FakeApi(waits_sec=300),
    FakeApi(slots=2, taken=2),
    FakeApi(paused=True),
    FakeApi(slots=64, taken=20),
], ids=["not for long", "its pool is full", "paused by hand", "as much runs as can"])
def test_a_task_that_waits_for_its_turn_is_not_stuck(api: FakeApi) -> None:
    assert found(api) == []
