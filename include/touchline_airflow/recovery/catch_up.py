"""What happened after a backup was made, and how do the restored databases learn of it? Airflow is down meanwhile.

A match that was published since is written down as published, from its folder, and the runs that were making it are
ended: it is not made twice. A run that the catalogue knows and Airflow does not is forgotten, and its match is free.
All other interrupted runs go on by themselves: Airflow notices that nobody works on their tasks and tries them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, String, column, or_, select, table, update

from touchline.beneath.folder import open_folder
from touchline.catalogue import actions, publications, reels
from touchline.catalogue.recovery import adopt, forget_lost_runs
from touchline.domain.layout import is_match_id
from touchline.errors import DamagedResultError, UntrustedFileError
from touchline_airflow.books.leases import PROCESS_MATCH
from touchline_airflow.databases.connection import connecting
from touchline_airflow.recovery.backup import Sources
from touchline_airflow.recovery.content import published_folder
from touchline_airflow.recovery.published_match import read_published_match

_RUNS = table("dag_run", column("dag_id", String), column("run_id", String), column("state", String),
              column("end_date", DateTime(timezone=True)))
_TASKS = table("task_instance", column("dag_id", String), column("run_id", String), column("state", String),
               column("end_date", DateTime(timezone=True)))
_OPEN_RUN = ("queued", "running")
_OPEN_TASK = ("scheduled", "queued", "running", "restarting", "up_for_retry", "up_for_reschedule", "deferred")


def catch_up(known: Mapping[str, Any], sources: Sources) -> Iterator[str]:
    """Tell both databases what happened since; `known` is the backup's list of published folders. Yields lines.

    Nothing in a published folder is believed unseen: one that is damaged is named and left as it is.
    """
    yield from _take_over(known, sources)
    with connecting(sources.airflow) as connection:
        runs = connection.execute(select(_RUNS.c.run_id).where(_RUNS.c.dag_id == PROCESS_MATCH)).scalars().all()
    yield from forget_lost_runs(sources.settings.catalogue_address, set(runs))


def _take_over(known: Mapping[str, Any], sources: Sources) -> Iterator[str]:
    output = sources.settings.nas_output_path
    try:
        folders = sorted(output.iterdir()) if output.is_dir() else []
    except OSError as error:
        yield f"NAS_OUTPUT_PATH ({output}) cannot be read, nothing is taken over from it: {error.strerror}"
        return
    for folder in folders:
        if not is_match_id(folder.name):
            continue
        try:
            if _is_news(folder, known.get(folder.name)):
                yield _adopt(folder, sources)
        except (DamagedResultError, UntrustedFileError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            yield (f"{folder.name}: published after the backup, but its folder cannot be taken over: {why}. It is left "
                   "as it is; the match is made again where its recording is found")


def _is_news(folder: Path, known: Mapping[str, Any] | None) -> bool:
    """Whether the folder was committed after the backup.

    Raises:
        DamagedResultError: it was, and is not whole.
    """
    with open_folder(folder.parent, folder.name) as opened:
        if opened.status("manifest.json") is None:
            return False
        found = published_folder(folder)
        if known and known["manifest"] == found["manifest"]:
            return False
        for name, entry in found["files"].items():
            if opened.size(name) != entry["size_bytes"]:
                raise DamagedResultError(f"{name} is missing, or of another size than when it was published")
    return True


def _adopt(folder: Path, sources: Sources) -> str:
    address, match_id = sources.settings.catalogue_address, folder.name
    found = read_published_match(folder, sources.settings)
    runs = adopt(address, found.match)
    if runs is None:
        raise DamagedResultError("the catalogue has its content as another match, or its name as another content")
    actions.replace(address, match_id, found.actions)
    reels.replace(address, match_id, found.reels)
    # It was counted before the databases were lost.
    publications.add(address, match_id, published_folder(folder)["manifest"], runs[0])
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
