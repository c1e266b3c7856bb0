"""How large are the pools when several machines work? As large as what the workers that answer can do at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from touchline_airflow.access.rest import AirflowApi
from touchline_airflow.dag_defaults import GPU_POOL, LIGHT_POOL, RENDER_POOL, SCAN_POOL
from touchline_airflow.hosts import GPU_QUEUE, LIGHT_QUEUE, RENDER_QUEUE, SCAN_QUEUE

ANSWER_SEC = 5.0
BY_PROCESSES = {GPU_POOL: GPU_QUEUE, LIGHT_POOL: LIGHT_QUEUE}
"""As many tasks at once as the workers of the queue have processes."""
BY_WORKERS = {RENDER_POOL: RENDER_QUEUE, SCAN_POOL: SCAN_QUEUE}
"""One task per worker of the queue: it takes all cores of the machine, and the other processes are for light tasks."""


def working_places(celery: Any) -> dict[str, int]:
    """Slots of each pool over all Celery workers that answer within five seconds; empty when none does.

    Then what a pool lets run finds a free process, or nearly so. Beyond that tasks would wait in Redis, in the order in
    which they came there, and not by their priority.
    """
    inspect = celery.control.inspect(timeout=ANSWER_SEC)
    queues: Mapping[str, Any] = inspect.active_queues() or {}
    stats: Mapping[str, Any] = inspect.stats() or {}
    places = dict.fromkeys([*BY_PROCESSES, *BY_WORKERS], 0)
    for worker, consumed in queues.items():
        names = {queue["name"] for queue in consumed}
        for pool, queue in BY_PROCESSES.items():
            if queue in names and worker in stats:
                places[pool] += int(stats[worker]["pool"]["max-concurrency"])
        for pool, queue in BY_WORKERS.items():
            places[pool] += queue in names
    return places if queues else {}


def resize_pools(api: AirflowApi, places: Mapping[str, int], slots_per_chunk: int) -> list[str]:
    """Set the pools to what the workers can do, never below one task; returns what was changed, for the log.

    A pool that is gone is not made again here: what waits for it is found by `ops.stuck`.

    Raises:
        ApiError, OSError: Airflow's API refused it or is not there.
    """
    changed = []
    for pool in api.request("GET", "/pools?limit=1000")["pools"]:
        name, there = pool["name"], int(pool["slots"])
        if name not in places:
            continue
        slots = max(places[name], 1) * (slots_per_chunk if name == GPU_POOL else 1)
        if there != slots:
            # Airflow asks for `include_deferred` even where it is not in the mask.
            wanted = {"name": name, "slots": slots, "include_deferred": pool["include_deferred"]}
            api.request("PATCH", f"/pools/{name}?update_mask=slots", wanted)
            changed.append(f"{name}: {there} -> {slots} slots")
    return changed
