"""How is each thing of the full stack killed, and brought back as its restart policy would?"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial

from support.full_stack import FullStack
from support.played_match import Ground
from support.services import Postgres, Redis
from support.waiting import wait_for

REDIS_AWAY_SEC = 30
CABLE_PULLED_SEC = 60
HEALTHY_SEC = 120


def kill_part(ground: Ground, part: str) -> None:
    """SIGKILL one process of Airflow; returns when another one has been started."""
    before = ground.airflow.processes.pids()[part]
    os.kill(before, signal.SIGKILL)
    wait_for(f"another {part}", lambda: ground.airflow.processes.pids().get(part, before) != before, 60)


def _kill_host(ground: Ground, host: str) -> None:
    before = ground.airflow.processes.pids()
    _full(ground).kill_host(host)
    wait_for(f"workers of {host}", lambda: all(ground.airflow.processes.pids().get(part) != before[part]
                                               for part in _full(ground).hosts[host].parts), 60)


def _cut_off(ground: Ground, host: str) -> None:
    network = _full(ground).network
    network.cut(host)
    try:
        time.sleep(CABLE_PULLED_SEC)
    finally:
        network.join(host)


def _redis_away(ground: Ground, _host: str) -> None:
    _away(ground, _full(ground).redis, _full(ground).redis.stop, REDIS_AWAY_SEC)


def _postgres_restarted(ground: Ground, _host: str) -> None:
    _away(ground, _full(ground).postgres, _full(ground).postgres.stop, 1)


def _postgres_killed(ground: Ground, _host: str) -> None:
    _away(ground, _full(ground).postgres, _full(ground).postgres.kill, 1)


def _away(ground: Ground, service: Postgres | Redis, end: Callable[[], None], away_sec: float) -> None:
    end()
    time.sleep(away_sec)
    _full(ground).start_again(service)
    wait_for("a healthy Airflow", ground.api.is_healthy, HEALTHY_SEC, poll_sec=1)


def _kill_part(part: str, ground: Ground, _host: str) -> None:
    kill_part(ground, part)


def _full(ground: Ground) -> FullStack:
    assert isinstance(ground.airflow, FullStack), "this kind of kill needs the full stack"
    return ground.airflow


STACK_KILLS: dict[str, Callable[[Ground, str], None]] = {
    "host killed": _kill_host,
    "host cut off": _cut_off,
    "redis away": _redis_away,
    "postgres restarted": _postgres_restarted,
    "postgres killed": _postgres_killed,
    **{f"{part} killed": partial(_kill_part, part)
       for part in ("scheduler", "dag-processor", "api-server", "triggerer")},
}
"""By kind; each is told the ground and the host of the task that is at work."""

HARMLESS_ON_THE_STACK = tuple(kind for kind in STACK_KILLS if kind != "host killed")
"""What a task at work may outlive: no step has to end."""
