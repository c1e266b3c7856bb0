"""Old logs of Airflow go, run by run, and nothing else does."""

from __future__ import annotations

import os
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from touchline.errors import TouchlineError
from touchline_airflow.upkeep import old_logs
from touchline_airflow.upkeep.old_logs import clear_logs

NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(days=90)


def write(path: Path, days: float, content: str = "line\n") -> Path:
    """A file, and the folders that are made for it, of so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))
    for folder in path.parents[:3]:
        os.utime(folder, (moment, moment))
    return path


def clear(tmp_path: Path, *unfinished: tuple[str, str]) -> list[str]:
    said: list[str] = []
    clear_logs(tmp_path / "logs", tmp_path / "dag-logs", BEFORE, unfinished, said.append)
    return said


def left(tmp_path: Path) -> list[str]:
    return sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir())


def task_log(tmp_path: Path, run: str, days: float, name: str = "task_id=scan/attempt=1.log") -> Path:
    return write(tmp_path / "logs" / "dag_id=process_match" / f"run_id={run}" / name, days)


def test_what_is_older_than_the_history_goes_with_its_empty_folders(tmp_path: Path) -> None:
    for name in ("task_id=scan/attempt=1.log", "task_id=scan/attempt=2.log",
                 "task_id=spot_chunk/map_index=3/attempt=1.log", "task_id=wait/attempt=1.log.trigger.77.log"):
        task_log(tmp_path, "match__old__1", 91, name)
    write(tmp_path / "logs/executor_callbacks/process_match/match__old__1/0190a3b2-0000-7000-8000-000000000000", 91)
    write(tmp_path / "logs/scheduler/2026-01-01/x.py.log", 91)
    write(tmp_path / "logs/dag_processor/2026-01-01/dags-folder/tidy.py.log", 91)
    write(tmp_path / "dag-logs/2026-01-01/dags-folder/tidy.py.log", 91)
    young = task_log(tmp_path, "match__young__1", 89)
    today = write(tmp_path / "dag-logs/2026-04-01/dags-folder/tidy.py.log", 1)
    [line] = clear(tmp_path)
    assert line.startswith("8 log files went, ")
    assert left(tmp_path) == sorted(str(path.relative_to(tmp_path)) for path in (young, today))
    assert not (tmp_path / "logs/dag_id=process_match/run_id=match__old__1").exists()
    assert not (tmp_path / "dag-logs/2026-01-01").exists()


def test_the_logs_of_a_run_go_together_and_never_while_it_goes_on(tmp_path: Path) -> None:
    first = task_log(tmp_path, "manual__cleared", 200)
    again = task_log(tmp_path, "manual__cleared", 2, "task_id=scan/attempt=2.log")
    os.utime(again.parent.parent, (1, 1))  # some file systems note it late
    held = task_log(tmp_path, "match__held__1", 100)
    clear(tmp_path, ("process_match", "match__held__1"), ("tidy", "manual__cleared"))
    assert first.exists() and again.exists() and held.exists()
    clear(tmp_path)
    assert first.exists() and not held.exists()


def test_only_what_airflow_makes_goes_and_no_link_is_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    precious = write(elsewhere / "run_id=x" / "task_id=y" / "attempt=1.log", 400)
    base = tmp_path / "logs"
    task_log(tmp_path, "match__old__1", 91)
    run = base / "dag_id=process_match" / "run_id=match__old__1"
    stays = [write(run / "notes.txt", 91), write(base / "thesis" / "attempt=1.log", 400),
             write(base / "dag_id=a" / "thesis" / "attempt=1.log", 400), write(base / "attempt=1.log", 400)]
    for link, target in ((run / "task_id=link", elsewhere), (base / "dag_id=link", elsewhere),
                         (base / "dag_id=process_match" / "run_id=link", elsewhere / "run_id=x"),
                         (run / "attempt=9.log", precious)):
        link.symlink_to(target)
        os.utime(link, (1, 1), follow_symlinks=False)
    os.utime(run, (1, 1))
    clear(tmp_path)
    assert precious.exists() and all(path.exists() for path in stays)
    assert not (run / "task_id=scan").exists() and (run / "attempt=9.log").is_symlink()


def test_what_cannot_be_removed_is_told_and_all_others_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [task_log(tmp_path, f"match__{number}__1", 91) for number in range(3)]
    unlink = os.unlink

    def refuse(name: str, **more: int) -> None:
        if os.readlink(f"/proc/self/fd/{more['dir_fd']}").count("match__1__1"):
            raise PermissionError(13, "Permission denied")
        unlink(name, **more)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(TouchlineError, match=r"^1 log files or folders could not .*match__1__1: Permission denied"):
        clear(tmp_path)
    assert [path.exists() for path in paths] == [False, True, False]


def test_the_work_of_a_night_is_bounded_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        task_log(tmp_path, f"match__{number}__1", 91)
    monkeypatch.setattr(old_logs, "MOST_FILES", 20)
    assert clear(tmp_path)[0].endswith("as many as in one night, the rest goes in the next")
    assert len(left(tmp_path)) == 10
    clear(tmp_path)
    assert left(tmp_path) == []


def test_folders_that_are_not_there_hold_nothing(tmp_path: Path) -> None:
    assert clear(tmp_path)[0].startswith("0 log files went, ")


def test_thousands_of_files_take_no_memory(tmp_path: Path) -> None:
    """A year's worth was measured by itself: docs/how-to/keep-disks-in-bounds.md."""
    for number in range(200):
        for task in range(10):
            task_log(tmp_path, f"run{number}", 91, f"task_id=t{task}/attempt=1.log")
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert clear(tmp_path)[0].startswith("2000 log files went, ")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 4096
