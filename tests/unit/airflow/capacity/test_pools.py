"""The pools follow the workers that answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from touchline_airflow.capacity.pools import resize_pools, working_places


class Api:
    """Airflow's pools, in memory."""

    def __init__(self, **slots: int) -> None:
        self.slots = slots

    def request(self, method: str, path: str, content: Any = None) -> Any:
        name = path.removeprefix("/pools/").partition("?")[0]
        if method == "PATCH":
            assert content["name"] == name and content["include_deferred"] is False  # else Airflow answers 422
            self.slots[name] = content["slots"]
        return {"pools": [{"name": name, "slots": slots, "include_deferred": False}
                          for name, slots in self.slots.items()]}


def celery(queues: dict[str, list[str]] | None, processes: int = 2) -> Any:
    """A Celery whose workers consume these queues."""
    active = None if queues is None else {worker: [{"name": name} for name in names]
                                          for worker, names in queues.items()}
    stats = None if queues is None else {worker: {"pool": {"max-concurrency": processes}} for worker in queues}
    inspect = SimpleNamespace(active_queues=lambda: active, stats=lambda: stats)
    return SimpleNamespace(control=SimpleNamespace(inspect=lambda timeout: inspect))


TWO_HOSTS = {"chunks@a": ["gpu"], "light@a": ["default", "render", "scan", "host-a"],
             "chunks@b": ["gpu"], "light@b": ["render", "scan", "host-b"]}


def test_the_slots_of_all_machines_are_added_up() -> None:
    assert working_places(celery(TWO_HOSTS)) == {"gpu": 4, "light": 2, "render": 2, "scan": 2}
    api = Api(gpu=2, render=1)
    assert resize_pools(api, {"gpu": 4, "render": 2}, 1) == ["gpu: 2 -> 4 slots", "render: 1 -> 2 slots"]
    assert resize_pools(api, {"gpu": 4, "render": 2}, 1) == []


def test_a_chunk_that_takes_two_slots_finds_two_per_process() -> None:
    api = Api(gpu=2, render=1)
    resize_pools(api, {"gpu": 3, "render": 1}, 2)
    assert api.slots == {"gpu": 6, "render": 1}


@pytest.mark.parametrize("places", [{"gpu": 0, "render": 0}])
def test_a_pool_never_becomes_too_small_for_one_task(places: dict[str, int]) -> None:
    api = Api(gpu=4, render=2)
    resize_pools(api, places, 2)
    assert api.slots == {"gpu": 2, "render": 1}


def test_other_pools_and_one_that_is_gone_stay_as_they_are() -> None:
    api = Api(gpu=1, default_pool=128)
    assert resize_pools(api, {"gpu": 1, "light": 2}, 1) == []
    assert api.slots == {"gpu": 1, "default_pool": 128}


def test_nothing_is_known_when_no_worker_answers() -> None:
    assert working_places(celery(None)) == {}
