"""Which work waits although there is room for it, and how is it set right?

Airflow itself sees to tasks whose worker died (45 s without a heartbeat) and to tasks that no worker takes (sent again
after 120 s); a step that says nothing is ended by its own task (`watcher`). What remains are tasks that their pool
never lets run: it was made smaller than one of them needs, or is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from touchline_airflow.access.rest import AirflowApi
from touchline_airflow.books.leases import PROCESS_MATCH

STUCK_AFTER_SEC = 600
LEAST_AT_ONCE = 16
"""No Airflow of ours does fewer tasks at once (core.parallelism): beyond that they wait for their turn."""


@dataclass(frozen=True)
class Stuck:
    """A task that waits; `pool_has` is None where its pool is gone."""

    run_id: str
    task: str
    waits_sec: int
    pool: str
    needs: int
    pool_has: int | None

    @property
    def pool_is_too_small(self) -> bool:
        """Whether it would wait for ever."""
        return self.pool_has is None or self.pool_has < self.needs

    @property
    def line(self) -> str:
        """For a person."""
        why = f"the pool {self.pool} is gone" if self.pool_has is None else \
            f"the pool {self.pool} has {self.pool_has} slots and it takes {self.needs}" if self.pool_is_too_small else \
            f"the pool {self.pool} has room: look at the scheduler's log"
        return f"{self.task} of {self.run_id} has waited for {self.waits_sec // 60} min: {why}"


def find_stuck(api: AirflowApi, after_sec: float = STUCK_AFTER_SEC, moment: datetime | None = None) -> list[Stuck]:
    """Tasks of process_match that have been scheduled for this long, and that nothing but an error keeps from running.

    Raises:
        ApiError, OSError: Airflow's API refused it or is not there.
    """
    moment = moment or datetime.now(UTC)
    path = f"/dags/{PROCESS_MATCH}/dagRuns/~/taskInstances?limit=1000"
    waiting = [task for task in api.request("GET", f"{path}&state=scheduled")["task_instances"]
               if _waits_sec(task, moment) >= after_sec]
    if not waiting or api.request("GET", f"/dags/{PROCESS_MATCH}")["is_paused"]:
        return []
    pools = {pool["name"]: pool for pool in api.request("GET", "/pools?limit=1000")["pools"]}
    is_busy = sum(pool["occupied_slots"] for pool in pools.values()) >= LEAST_AT_ONCE
    found = [_stuck(task, pools, moment) for task in waiting]
    return [one for one in found if one.pool_is_too_small or (_has_room(one, pools[one.pool]) and not is_busy)]


def set_right(api: AirflowApi, stuck: list[Stuck]) -> list[str]:
    """Make each pool as large as the largest of its tasks needs; returns one line per pool.

    Raises:
        ApiError, OSError: Airflow's API refused it or is not there.
    """
    lines = []
    for pool in sorted({one.pool for one in stuck if one.pool_is_too_small}):
        needs, has = max((one.needs, one.pool_has) for one in stuck if one.pool == pool)
        content = {"name": pool, "slots": needs, "include_deferred": False}
        if has is None:
            api.request("POST", "/pools", content)
        else:
            api.request("PATCH", f"/pools/{pool}?update_mask=slots", content)
        lines.append(f"Pool {pool}: {has or 'it was gone'} -> {needs} slots")
    return lines


def _stuck(task: Mapping[str, Any], pools: Mapping[str, Any], moment: datetime) -> Stuck:
    pool = pools.get(task["pool"])
    name = task["task_id"] if task["map_index"] < 0 else f"{task['task_id']} {task['map_index']}"
    return Stuck(task["dag_run_id"], name, round(_waits_sec(task, moment)), task["pool"], task["pool_slots"],
                 pool["slots"] if pool else None)


def _has_room(one: Stuck, pool: Mapping[str, Any]) -> bool:
    return bool(pool["open_slots"] >= one.needs)


def _waits_sec(task: Mapping[str, Any], moment: datetime) -> float:
    since = task["scheduled_when"]
    return (moment - datetime.fromisoformat(since)).total_seconds() if since else 0.0
