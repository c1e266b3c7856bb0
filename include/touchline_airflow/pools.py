"""How large are the pools when several machines work? As large as what the workers that answer can do at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from touchline_airflow.defaults import GPU_POOL, RENDER_POOL
from touchline_airflow.hosts import GPU_QUEUE, RENDER_QUEUE
from touchline_airflow.rest import AirflowApi

ANSWER_SEC = 5.0


def working_places(celery: Any) -> dict[str, int]:
    """Slots of each pool over all Celery workers that answer within five seconds; empty when none does.

    `gpu`: a worker of that queue computes as many chunks at once as it has processes. `render`: one reel per worker,
    because its other processes are for light tasks.
    """
    inspect = celery.control.inspect(timeout=ANSWER_SEC)
    queues: Mapping[str, Any] = inspect.active_queues() or {}
    stats: Mapping[str, Any] = inspect.stats() or {}
    places = {GPU_POOL: 0, RENDER_POOL: 0}
    for worker, consumed in queues.items():
        names = {queue["name"] for queue in consumed}
        if GPU_QUEUE in names and worker in stats:
            places[GPU_POOL] += int(stats[worker]["pool"]["max-concurrency"])
        if RENDER_QUEUE in names:
            places[RENDER_POOL] += 1
    return places if queues else {}


def resize_pools(api: AirflowApi, places: Mapping[str, int], slots_per_chunk: int) -> list[str]:
    """Set the pools to what the workers can do, never below one task; returns what was changed, for the log.

    Raises:
        ApiError, OSError: Airflow's API refused it or is not there.
    """
    changed = []
    for name, count in places.items():
        slots = max(count, 1) * (slots_per_chunk if name == GPU_POOL else 1)
        pool = api.request("GET", f"/pools/{name}")
        if (there := int(pool["slots"])) != slots:
            # Airflow wants to hear of `include_deferred` even where it is not in the mask.
            wanted = {"name": name, "slots": slots, "include_deferred": pool["include_deferred"]}
            api.request("PATCH", f"/pools/{name}?update_mask=slots", wanted)
            changed.append(f"{name}: {there} -> {slots} slots")
    return changed
