"""Which log files of Airflow are older than its history? They go, in the folders of this machine.

    BASE/dag_id=…/run_id=…/task_id=…/[map_index=…/]attempt=….log   of tasks: those of a run together, when nobody has
                                                                  written to any of them since and it does not go on
    BASE/executor_callbacks/<dag>/<run>/<id>                      of callbacks: the same
    BASE/dag_processor/2026-11-22/…, BASE/scheduler/2026-11-22/…  of a day; the DAG processor's may lie elsewhere

Nothing else goes: a file with another name stays, and so do the folders in which it lies. No link is followed.
"""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from touchline.beneath.folder import Folder, open_folder
from touchline.errors import TouchlineError
from touchline_airflow.capacity.disk_space import shown

MOST_FILES = 500_000
LONGEST_SEC = 1500
"""In one night; the next one goes on. How long it takes: docs/how-to/keep-disks-in-bounds.md."""
_DAY = r"\d{4}-\d{2}-\d{2}"


@dataclass(frozen=True)
class _Kind:
    """`units`: names of the folders that lead to one unit, which goes as a whole; `files`: those of its files."""

    units: tuple[str, ...]
    files: str


OF_BASE = (_Kind((r"dag_id=.+", r"run_id=.+"), r"attempt=\d+\.log(\..+)?"),
           _Kind((r"executor_callbacks", r".+", r".+"), r"[0-9a-f-]{36}(\..+)?"),
           _Kind((r"dag_processor|scheduler", _DAY), r".+\.log(\.\d+)?"))
OF_DAG_PROCESSOR = (_Kind((_DAY,), r".+\.log(\.\d+)?"),)


@dataclass
class _Night:
    """What may go, and what went."""

    before_sec: float
    unfinished: Collection[str]
    until: float
    files: int = 0
    bytes: int = 0
    refused: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.files >= MOST_FILES or time.monotonic() > self.until


def clear_logs(base: Path, dag_processor: Path, before: datetime, unfinished: Collection[tuple[str, str]],
               say: Callable[[str], None]) -> int:
    """Remove the logs from before a moment; `unfinished` are DAG and run id of runs that go on. Returns how many went.

    Raises:
        TouchlineError: some could not be removed; all others are gone.
    """
    night = _Night(before.timestamp(), {f"dag_id={dag_id}/run_id={run_id}" for dag_id, run_id in unfinished},
                   time.monotonic() + LONGEST_SEC)
    places = ((base, OF_BASE), (dag_processor, OF_DAG_PROCESSOR))
    for root, kind in ((root, kind) for root, kinds in places for kind in kinds):
        with suppress(FileNotFoundError), open_folder(root) as folder:
            _descend(folder, kind, 0, night)
    say(f"{night.files} log files went, {shown(night.bytes)}, from before {before:%Y-%m-%d %H:%M} UTC"
        + (": as many as in one night, the rest goes in the next" if night.is_over else ""))
    if night.refused:
        raise TouchlineError(f"{len(night.refused)} log files or folders could not be removed, all others of that age "
                             f"are gone; the first: {night.refused[0]}")
    return night.files


def _descend(folder: Folder, kind: _Kind, depth: int, night: _Night) -> None:
    """Go down to the units, and clear each that is old."""
    for name in filter(re.compile(kind.units[depth]).fullmatch, folder.names()):
        if night.is_over:
            return
        status = folder.status(name)
        if status is None or not stat.S_ISDIR(status.st_mode):
            continue
        try:
            if depth < len(kind.units) - 1:
                with folder.folder(name) as below:
                    _descend(below, kind, depth + 1, night)
            elif status.st_mtime < night.before_sec and f"{folder.path.name}/{name}" not in night.unfinished:
                _clear_unit(folder, name, kind, night)
        except FileNotFoundError:
            continue
        except OSError as error:
            night.refused.append(f"{folder.path / name}: {error.strerror}")


def _clear_unit(parent: Folder, name: str, kind: _Kind, night: _Night) -> None:
    """Remove the files of a unit and the folders that are empty then, if nothing in it was written to since."""
    with parent.folder(name) as unit:
        found = list(unit.walk())
        if any(status.st_mtime >= night.before_sec for _, status in found if not stat.S_ISDIR(status.st_mode)):
            return
        for path, status in reversed(found):  # what lies in a folder comes after it
            if stat.S_ISDIR(status.st_mode):
                _remove_if_empty(unit, path)
            elif stat.S_ISREG(status.st_mode) and re.fullmatch(kind.files, path.name):
                unit.unlink(path)
                night.files += 1
                night.bytes += status.st_size
    _remove_if_empty(parent, name)


def _remove_if_empty(folder: Folder, name: str | Path) -> None:
    with suppress(OSError):
        folder.rmdir(name)
