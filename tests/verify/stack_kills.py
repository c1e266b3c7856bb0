"""How is each thing of the full stack killed, and brought back as its restart policy would?"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial

from support.full_stack import StackHouse
from support.played_match import KillHouse, wait_for
from support.services import Postgres, Redis

REDIS_AWAY_SEC = 30
CABLE_PULLED_SEC = 60
HEALTHY_SEC = 120


def kill_part(house: KillHouse, part: str) -> None:
    """SIGKILL one process of Airflow; returns when another one has been started."""
    before = house.stack.pids()[part]
    os.kill(before, signal.SIGKILL)
    wait_for(f"another {part}", lambda: house.stack.pids().get(part, before) != before, 60)


def _kill_host(house: KillHouse, host: str) -> None:
    before = house.stack.pids()
    _full(house).kill_host(host)
    wait_for(f"workers of {host}", lambda: all(house.stack.pids().get(part) != before[part]
                                               for part in _full(house).hosts[host].parts), 60)


def _cut_off(house: KillHouse, host: str) -> None:
    network = _full(house).network
    network.cut(host)
    try:
        time.sleep(CABLE_PULLED_SEC)
    finally:
        network.join(host)


def _redis_away(house: KillHouse, _host: str) -> None:
    _away(house, _full(house).redis, _full(house).redis.stop, REDIS_AWAY_SEC)


def _postgres_restarted(house: KillHouse, _host: str) -> None:
    _away(house, _full(house).postgres, _full(house).postgres.stop, 1)


def _postgres_killed(house: KillHouse, _host: str) -> None:
    _away(house, _full(house).postgres, _full(house).postgres.kill, 1)


def _away(house: KillHouse, service: Postgres | Redis, end: Callable[[], None], away_sec: float) -> None:
    end()
    time.sleep(away_sec)
    _full(house).start_again(service)
    wait_for("a healthy Airflow", house.api.is_healthy, HEALTHY_SEC, poll_sec=1)


def _kill_part(part: str, house: KillHouse, _host: str) -> None:
    kill_part(house, part)


def _full(house: KillHouse) -> StackHouse:
    assert house.full, "this kind of kill needs the full stack"
    return house.full


STACK_KILLS: dict[str, Callable[[KillHouse, str], None]] = {
    "host killed": _kill_host,
    "host cut off": _cut_off,
    "redis away": _redis_away,
    "postgres restarted": _postgres_restarted,
    "postgres killed": _postgres_killed,
    **{f"{part} killed": partial(_kill_part, part)
       for part in ("scheduler", "dag-processor", "api-server", "triggerer")},
}
"""By kind; each is told the house and the host of the task that is at work."""

HARMLESS_ON_THE_STACK = tuple(kind for kind in STACK_KILLS if kind != "host killed")
"""What a task at work may outlive: no step has to end."""
