"""What happened after a backup was made, and how do the restored databases learn of it? Airflow is down meanwhile.

A match that was published since is written down as published, from its folder, and the runs that were making it are
ended: it is not made twice. A run that the catalogue knows and Airflow does not is forgotten, and its match is free.
All other interrupted runs go on by themselves: Airflow notices that nobody works on their tasks and tries them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, String, column, or_, select, table, update

from touchline.catalogue import actions, reels
from touchline.catalogue.recovery import PublishedMatch, adopt, forget_lost_runs
from touchline.domain.layout import is_match_id
from touchline_airflow.backup import Sources, published_folder
from touchline_airflow.dumps import connecting
from touchline_airflow.leases import PROCESS_MATCH

_RUNS = table("dag_run", column("dag_id", String), column("run_id", String), column("state", String),
              column("end_date", DateTime(timezone=True)))
_TASKS = table("task_instance", column("dag_id", String), column("run_id", String), column("state", String),
               column("end_date", DateTime(timezone=True)))
_OPEN_RUN = ("queued", "running")
_OPEN_TASK = ("scheduled", "queued", "running", "restarting", "up_for_retry", "up_for_reschedule", "deferred")


def settle(known: Mapping[str, Any], sources: Sources) -> Iterator[str]:
    """Tell both databases what happened since; `known` is the backup's list of published folders. Yields lines."""
    output = sources.settings.nas_output_path
    if output.is_dir():
        for folder in sorted(output.iterdir()):
            if is_match_id(folder.name) and _is_news(folder, known.get(folder.name)):
                yield _adopt(folder, sources)
    with connecting(sources.airflow) as connection:
        runs = connection.execute(select(_RUNS.c.run_id).where(_RUNS.c.dag_id == PROCESS_MATCH)).scalars().all()
    yield from forget_lost_runs(sources.settings.catalogue_address, set(runs))


def _is_news(folder: Path, known: Mapping[str, Any] | None) -> bool:
    """Whether the folder is whole and was committed after the backup."""
    if not (folder / "manifest.json").is_file():
        return False
    found = published_folder(folder)
    if not found["files"] or (known and known["manifest"] == found["manifest"]):
        return False
    return all((folder / name).is_file() and (folder / name).stat().st_size == entry["size_bytes"]
               for name, entry in found["files"].items())


def _adopt(folder: Path, sources: Sources) -> str:
    address, match_id = sources.settings.catalogue_address, folder.name
    match = json.loads((folder / "match.json").read_bytes())
    recording = match["recordings"][0]
    runs = adopt(address, PublishedMatch(match_id, recording["fingerprint"],
                                         str(sources.settings.nas_mount_path / recording["file"]), match["title"],
                                         match["duration_ms"]))
    actions.replace(address, match_id, json.loads((folder / "actions.json").read_bytes())["actions"])
    reels.replace(address, match_id, [json.loads(path.read_bytes()) for path in sorted(folder.glob("reels/*.json"))])
    with connecting(sources.airflow) as connection, connection.begin():
        _end_runs(connection, runs)
    return f"{match_id}: published after the backup, taken over from its folder"


def _end_runs(connection: Connection, run_ids: Sequence[str]) -> None:
    """Close the restored Airflow runs of a match that is made already: nothing of them is started again."""
    now = datetime.now(UTC)
    connection.execute(update(_TASKS).where(
        _TASKS.c.dag_id == PROCESS_MATCH, _TASKS.c.run_id.in_(run_ids),
        or_(_TASKS.c.state.is_(None), _TASKS.c.state.in_(_OPEN_TASK))).values(state="skipped", end_date=now))
    connection.execute(update(_RUNS).where(
        _RUNS.c.dag_id == PROCESS_MATCH, _RUNS.c.run_id.in_(run_ids), _RUNS.c.state.in_(_OPEN_RUN))
        .values(state="success", end_date=now))
