"""What do pause, halt, resume and status do? The work behind the DAG `ops`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from touchline.catalogue import matches
from touchline.catalogue.connection import now_ms
from touchline.domain.moment import elapsed_ms
from touchline.errors import UsageError
from touchline.settings import Settings
from touchline_airflow.books.costs import cost_today
from touchline_airflow.capacity.disk_space import working_room
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import hold, release, set_hold
from touchline_airflow.ops.cost_stop import accept_costs

ACTIONS = ("pause", "resume", "halt", "status")


def act(action: str, who: str, why: str, settings: Settings, deployment: DeploymentSettings) -> dict[str, Any]:
    """Do it, and report how things are then: what Airflow does not know of the deployment's state.

    Raises:
        UsageError: there is no such action.
        TouchlineError, OSError: a folder or the catalogue is away. A hold is set and ended without the catalogue.
    """
    done = ""
    if action in ("pause", "halt"):
        made = set_hold(settings.working_dir, action, who, why)  # type: ignore[arg-type]
        done = f"{action}: {ENDS[action]}" if made else "nothing changes: it is held already"
    elif action == "resume":
        ended = release(settings.working_dir)
        done = "resumed: what waits goes on within a tenth of the time that it was held, at most five minutes" \
            if ended else "nothing changes: it is not held"
        if ended:
            accept_costs(settings, deployment)
    elif action != "status":
        raise UsageError(f"{action!r} is not an action: use {', '.join(ACTIONS)}")
    return {"done": done, **report(settings, deployment)}


ENDS: Mapping[str, str] = {
    "pause": "steps that run come to their end, nothing new starts",
    "halt": "steps that run are ended within seconds, nothing new starts",
}


def report(settings: Settings, deployment: DeploymentSettings) -> dict[str, Any]:
    """Hold, queue, budgets and costs, as plain data."""
    held = hold(settings.working_dir)
    waiting = matches.without_run(settings.catalogue_address)
    waited_ms = [elapsed_ms(match.updated_at_ms, now_ms()) for match in waiting]
    today = cost_today(settings, deployment)
    room = working_room(settings, deployment)
    return {
        "hold": {**asdict(held), "line": held.line} if held else None,
        "queue": {"matches": [match.match_id for match in waiting],
                  "longest_wait_sec": round(max(waited_ms, default=0) / 1000)},
        "budgets": {"working_dir": str(settings.working_dir), "free_bytes": room.free_bytes,
                    "budget_bytes": room.budget_bytes},
        "cost": {"today": round(today.amount, 2), "gpu_seconds": round(today.gpu_seconds),
                 "cpu_seconds": round(today.cpu_seconds), "currency": deployment.currency,
                 "per_day_limit": deployment.cost_per_day_limit, "per_match_limit": deployment.cost_per_match_limit},
    }
