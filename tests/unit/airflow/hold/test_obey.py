"""A task obeys a hold: it begins nothing, its step ends with a halt, and it comes back without the loss of a try."""

from __future__ import annotations

import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException

from touchline.errors import STOPPED
from touchline_airflow.hold.hold import Hold, set_hold
from touchline_airflow.hold.waiting import wait_for_release, wait_while_held
from touchline_airflow.runtime import step_task
from touchline_airflow.runtime.step_task import StepTask

log = logging.getLogger(__name__)
CONTEXT: Any = {"dag_run": SimpleNamespace(start_date=datetime.now(UTC)), "dag": SimpleNamespace(dagrun_timeout=None)}


def held_for(seconds: float) -> Hold:
    return Hold("pause", "anna", "", round((time.time() - seconds) * 1000))


def test_nothing_holds_a_task_where_there_is_no_hold(tmp_path: Path) -> None:
    wait_while_held(CONTEXT, log, tmp_path)
    set_hold(tmp_path, "pause", "anna", "")
    with pytest.raises(AirflowRescheduleException):
        wait_while_held(CONTEXT, log, tmp_path)


@pytest.mark.parametrize(("held_sec", "again_sec"), [(0, 15), (600, 60), (86_400, 300)])
def test_a_task_looks_again_soon_after_a_short_hold(held_sec: float, again_sec: float) -> None:
    with pytest.raises(AirflowRescheduleException) as raised:
        wait_for_release(CONTEXT, log, held_for(held_sec))
    assert (raised.value.reschedule_date - datetime.now(UTC)).total_seconds() == pytest.approx(again_sec, abs=2)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StepTask:
    """Its step is a shell that says one line and then sleeps for a minute."""
    command = tmp_path / "touchline"
    command.write_text("#!/bin/sh\necho begun $0\nexec sleep 60\n")
    command.chmod(0o755)
    monkeypatch.setattr(step_task, "end_with_parent", lambda: None)
    for name, value in {"WORKING_DIR": str(tmp_path / "work"), "TOUCHLINE_RUNTIME": "process",
                        "TOUCHLINE_BIN": str(command), "PATH": os.environ["PATH"]}.items():
        monkeypatch.setenv(name, value)
    return StepTask(task_id="scan")


def test_a_halt_ends_the_step_within_seconds_and_says_so(task: StepTask, tmp_path: Path) -> None:
    set_hold(tmp_path / "work", "halt", "anna", "smoke")
    began = time.monotonic()
    finished = task.run_step(CONTEXT, [], lambda _user: [])
    assert time.monotonic() - began < 10
    assert finished.failure and finished.failure.cause == STOPPED
    assert finished.failure.reason.startswith("held (halt) by anna")
    assert task.halted_by and task.halted_by.who == "anna"
    assert "begun" in finished.stdout, "it ran until it was ended"


def test_a_pause_lets_the_step_come_to_its_end(task: StepTask, tmp_path: Path) -> None:
    (tmp_path / "touchline").write_text("#!/bin/sh\nsleep 5\n")
    set_hold(tmp_path / "work", "pause", "anna", "")
    assert task.run_step(CONTEXT, [], lambda _user: []).exit_code == 0
    assert task.halted_by is None


def test_a_step_that_says_nothing_is_ended_as_failed(task: StepTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEP_SILENT_SEC", "1")
    finished = task.run_step(CONTEXT, [], lambda _user: [])
    assert finished.exit_code == 1 and "scan said nothing for STEP_SILENT_SEC=1" in finished.reason
    assert task.halted_by is None
