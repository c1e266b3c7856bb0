"""How are things? What Airflow knows and what the DAG `ops` reported, as data and as a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from touchline_airflow.access.rest import AirflowApi
from touchline_airflow.books.leases import PROCESS_MATCH
from touchline_airflow.ops.stuck import find_stuck

_GB = 1_000_000_000
_UNBEGUN = "waiting"


def everything(api: AirflowApi, report: Mapping[str, Any]) -> dict[str, Any]:
    """The report, with the runs and tasks that Airflow has.

    Raises:
        ApiError, OSError: Airflow refused us, or is not there.
    """
    runs = {state: api.request("GET", f"/dags/{PROCESS_MATCH}/dagRuns?state={state}&order_by=run_after&limit=100")
            for state in ("running", "queued")}
    is_paused = api.request("GET", f"/dags/{PROCESS_MATCH}")["is_paused"]
    pools = {pool["name"]: {"slots": pool["slots"], "running": pool["running_slots"], "queued": pool["queued_slots"]}
             for pool in api.request("GET", "/pools?limit=100")["pools"]}
    return {
        **{name: content for name, content in report.items() if name != "done"},
        "queue": {**report["queue"], "matches": sorted({*report["queue"]["matches"], *(
            (run["conf"] or {}).get("match_id") or run["dag_run_id"] for run in runs["queued"]["dag_runs"])})},
        "running": [_run(api, run) for run in runs["running"]["dag_runs"]],
        "stuck": [one.line for one in find_stuck(api)],
        "pools": pools,
        "dag_is_paused": is_paused,
    }


def as_text(status: Mapping[str, Any]) -> str:
    """A line for each thing, for a person."""
    held, queue, cost, room = (status[name] for name in ("hold", "queue", "cost", "budgets"))
    waiting = len(queue["matches"])
    longest = f", the first for {_duration(queue['longest_wait_sec'])}" if queue["longest_wait_sec"] else ""
    budget = f" of its budget of {room['budget_bytes'] / _GB:g} GB" if room["budget_bytes"] else ""
    a_day = f" of {cost['per_day_limit']:g} a day" if cost["per_day_limit"] else ""
    rows = [
        ("hold", held["line"] if held else "none: work goes on"),
        *([("hold", "the DAG process_match is paused in Airflow: nothing starts")] if status["dag_is_paused"] else []),
        ("queue", f"{waiting} match{'es' if waiting > 1 else ''} to begin{longest}" if waiting else "empty"),
        *([("running", _run_line(run)) for run in status["running"]] or [("running", "nothing")]),
        *([("stuck", line) for line in status["stuck"]] or [("stuck", "nothing")]),
        *(("pool", f"{name}: {pool['running']} of {pool['slots']} slots work, {pool['queued']} queued")
          for name, pool in status["pools"].items() if name != "default_pool"),
        ("budgets", f"{room['free_bytes'] / _GB:.1f} GB free in {room['working_dir']}{budget}"),
        ("cost", f"today {cost['today']:.2f} {cost['currency']}{a_day}; chunks {_duration(cost['gpu_seconds'])}, "
                 f"other steps {_duration(cost['cpu_seconds'])}"),
    ]
    return "\n".join(f"{name:<8} {says}" for name, says in rows)


def _run(api: AirflowApi, run: Mapping[str, Any]) -> dict[str, Any]:
    tasks = api.tasks(PROCESS_MATCH, run["dag_run_id"])
    by_task: dict[str, Counter[str]] = {}
    for task in tasks:
        by_task.setdefault(task["task_id"], Counter())[task["state"] or _UNBEGUN] += 1
    return {"run_id": run["dag_run_id"], "since": run["start_date"],
            "tasks": {name: dict(states) for name, states in by_task.items()}}


def _run_line(run: Mapping[str, Any]) -> str:
    """"match__final-0123456789ab__1: spot_chunk 2 of 9 done, 1 running"; what is over or not begun is left out."""
    steps = []
    for name, states in run["tasks"].items():
        done, total = states.get("success", 0), sum(states.values())
        others = [f"{count} {_WORDS.get(state, state)}" for state, count in states.items()
                  if state not in ("success", "skipped", _UNBEGUN)]
        if others:
            steps.append(f"{name} {f'{done} of {total} done, ' if total > 1 else ''}{', '.join(others)}")
    return f"{run['run_id']}: {'; '.join(steps) or 'between two steps'}"


_WORDS = {"up_for_reschedule": "waiting", "up_for_retry": "waiting for another try", "scheduled": "next"}


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
