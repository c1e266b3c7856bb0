"""How is each thing killed?"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from support.played_match import DAG, PlayedMatch, Victim, patiently
from support.waiting import wait_for
from touchline_deploy.build.engine import EngineError
from verify.stack_kills import HARMLESS_ON_THE_STACK, STACK_KILLS, kill_part

ENDINGS = ("mark failed", "mark success", "run failed", "run success")
HARMLESS = ("triggerer", "pause", *HARMLESS_ON_THE_STACK)
OF_ALL = ("scheduler", "engine killed", "engine restarted", "pause")
PAUSE_SEC = 6.0
ONE_AT_A_TIME = threading.Lock()
"""What all matches need is not killed twice at the same time, and nothing else is killed meanwhile."""


@dataclass(frozen=True)
class Kill:
    """What is killed during which step, at which fraction of the time that the step usually takes."""

    kind: str
    step: str
    moment: float

    @property
    def may_end_the_run(self) -> bool:
        """What a person marks by hand is not tried again."""
        return self.kind in ENDINGS

    @property
    def ends_the_step(self) -> bool:
        """Whether nothing of the step may go on."""
        return self.kind not in HARMLESS


class Missed(Exception):
    """The step's container came and went before it could be killed."""


@dataclass
class Outcome:
    """What became of one kill; `wrong` lists what should not be."""

    kill: Kill
    match: str
    hit: bool = False
    reason: str | None = None
    recomputed: int = 0
    recovery_sec: float = 0.0
    wrong: list[str] = field(default_factory=list)


def strike(kill: Kill, match: PlayedMatch, victim: Victim) -> None:
    """Do it; returns when what was killed runs again, where it is not the match's own."""
    by_kind: dict[str, Callable[[], None]] = {
        "task": lambda: os.kill(victim.task, signal.SIGKILL),
        "supervisor": lambda: os.kill(victim.supervisor, signal.SIGKILL),
        "scheduler": lambda: kill_part(match.ground, "scheduler"),
        "triggerer": lambda: kill_part(match.ground, "triggerer"),
        "container": lambda: _kill_container(match, victim, kill.step),
        "engine killed": lambda: _restart_engine(match, victim, kill.step, orderly=False),
        "engine restarted": lambda: _restart_engine(match, victim, kill.step, orderly=True),
        "clear": lambda: match.clear(kill.step),
        "pause": lambda: _pause(match),
        "mark failed": lambda: _mark(match, victim, "failed"),
        "mark success": lambda: _mark(match, victim, "success"),
        "run failed": lambda: _mark_run(match, "failed"),
        "run success": lambda: _mark_run(match, "success"),
        **{name: partial(act, match.ground, victim.host) for name, act in STACK_KILLS.items()},
    }
    by_kind[kill.kind]()


def _containers(match: PlayedMatch, victim: Victim, step: str) -> list[str]:
    """Those of the step; before it has one, a task waits for its engine and nothing of it ends with it."""
    try:
        return wait_for(f"a container of {step}", lambda: match.ground.containers(match.match_id, step, victim.host),
                        10, poll_sec=0.02)
    except AssertionError:
        raise Missed from None


def _kill_container(match: PlayedMatch, victim: Victim, step: str) -> None:
    match.airflow.docker("kill", *_containers(match, victim, step), host=victim.host)


def _restart_engine(match: PlayedMatch, victim: Victim, step: str, *, orderly: bool) -> None:
    _containers(match, victim, step)
    engine = match.airflow.engines[victim.host]
    if orderly:
        engine.stop()
    else:
        engine.kill()
    time.sleep(1)
    for is_last in (False, False, True):  # as systemd would: a busy machine may start it too slowly at first
        try:
            engine.start()
            return
        except EngineError:
            if is_last:
                raise


def _pause(match: PlayedMatch) -> None:
    _set_paused(match, True)
    time.sleep(PAUSE_SEC)
    _set_paused(match, False)


def _set_paused(match: PlayedMatch, is_paused: bool) -> None:
    patiently(lambda: match.api.request("PATCH", f"/dags/{DAG}", {"is_paused": is_paused}))


def _mark(match: PlayedMatch, victim: Victim, state: str) -> None:
    part = f"/{victim.map_index}" if victim.map_index >= 0 else ""
    path = f"/dags/{DAG}/dagRuns/{match.run_id}/taskInstances/{victim.step}{part}"
    patiently(lambda: match.api.request("PATCH", path, {"new_state": state}))


def _mark_run(match: PlayedMatch, state: str) -> None:
    patiently(lambda: match.api.request("PATCH", f"/dags/{DAG}/dagRuns/{match.run_id}", {"state": state}))
