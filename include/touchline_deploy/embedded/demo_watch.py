"""How far is one match on its way through Airflow? What the catalogue and the REST API say, in words."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from touchline.catalogue import matches, recordings, runs
from touchline.domain.run_id import ingest_run_id
from touchline.results.request import REELS
from touchline_airflow.access.rest import AirflowApi, ApiError

DAG = "process_match"
PERCENT = re.compile(rf"\b(scan|publish|chunk-\d+|{'|'.join(REELS)}) (\d{{1,3}}) ?%")


@dataclass(frozen=True)
class Progress:
    """What to show: `text` in full, `key` without what changes every second."""

    text: str
    key: str


def find_run(api: AirflowApi, match_id: str) -> dict[str, Any] | None:
    """The newest run of a match, whoever started it."""
    for run in api.runs(DAG):
        is_ingests = run["dag_run_id"].startswith(ingest_run_id(match_id, ""))
        if is_ingests or (run.get("conf") or {}).get("match_id") == match_id:
            return run
    return None


def before_the_run(catalogue: str, path: Path, match_id: str) -> Progress:
    """What happens to a recording that was dropped and has no run yet."""
    seen = recordings.find(catalogue, str(path))
    if seen is None:
        return _plain("the watch has not seen the recording yet")
    if seen.status == "waiting":
        return _plain(f"the watch looks whether the recording stands still{_because(seen.reason)}")
    match = matches.find(catalogue, match_id)
    return _plain(f"registered as {match_id}, its run starts next" if match else f"the recording is {seen.status}")


def refusal(catalogue: str, path: Path) -> str | None:
    """The one-line reason why the watch refused the recording."""
    seen = recordings.find(catalogue, str(path))
    return (seen.reason or "no reason was noted") if seen and seen.status == "bad" else None


def tasks_line(api: AirflowApi, catalogue: str, run_id: str) -> Progress:
    """"spot_chunk 3/7 (chunk-0003 45 %) · done: probe, scan": what is under way first, then what is done."""
    tasks = [task for task in api.tasks(DAG, run_id) if task["state"] not in (None, "removed", "skipped")]
    tasks.sort(key=lambda task: task["start_date"] or "9")
    by_name: dict[str, list[dict[str, Any]]] = {}
    for task in tasks:
        by_name.setdefault(task["task_id"], []).append(task)
    done = [name for name, those in by_name.items() if all(task["state"] == "success" for task in those)]
    under_way = [_under_way(name, those, catalogue, run_id) for name, those in by_name.items() if name not in done]
    running = next((task for task in tasks if task["state"] == "running"), None)
    now = ", ".join(under_way) or "the next task starts"
    percent = _percent(api, run_id, running) if running else ""
    ready = f" · done: {', '.join(done)}" if done else ""
    return Progress(now + percent + ready, now)


def stage_seconds(api: AirflowApi, run_id: str) -> dict[str, float]:
    """Seconds that the tasks of each name took together."""
    seconds: dict[str, float] = {}
    for task in api.tasks(DAG, run_id):
        seconds[task["task_id"]] = seconds.get(task["task_id"], 0.0) + (task["duration"] or 0.0)
    return seconds


def moment(text: str) -> float:
    """Seconds since 1970 of one of Airflow's dates."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _under_way(name: str, tasks: list[dict[str, Any]], catalogue: str, run_id: str) -> str:
    """One name with its mapped tasks: "spot_chunk 3/7"; with the reason where it is tried again."""
    states = Counter(task["state"] for task in tasks)
    text = name if len(tasks) == 1 else f"{name} {states['success']}/{len(tasks)}"
    if states["failed"]:
        return f"{text} FAILED"
    if not states["up_for_retry"]:
        return text
    reasons = [stage.failure.reason for stage in runs.stages(catalogue, run_id)
               if stage.stage == name and stage.failure]
    return f"{text} is tried again{_because(reasons[-1] if reasons else None)}"


def _percent(api: AirflowApi, run_id: str, task: dict[str, Any]) -> str:
    """The last percentage in a running task's log; nothing where it has none yet."""
    try:
        lines = api.log(DAG, run_id, task["task_id"], task["try_number"], task["map_index"])
    except (ApiError, OSError, KeyError):
        return ""
    found = [match for line in lines[-20:] if (match := PERCENT.search(line))]
    if not found:
        return ""
    return f" ({found[-1][1]} {found[-1][2]} %)"


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _plain(text: str) -> Progress:
    return Progress(text, text)
