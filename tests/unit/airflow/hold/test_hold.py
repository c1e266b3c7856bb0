"""A hold is one file: it holds until it is gone, and a step that runs obeys a halt."""

from __future__ import annotations

import threading
from pathlib import Path

from touchline.domain.layout import hold_file
from touchline_airflow.hold.hold import Hold, hold, release, set_hold
from touchline_airflow.runtime.watcher import Watcher


def test_what_is_held_says_by_whom_and_why_until_it_is_released(tmp_path: Path) -> None:
    assert hold(tmp_path) is None
    made = set_hold(tmp_path, "pause", "anna", "the GPU is\nneeded")
    assert hold(tmp_path) == made
    assert made and made.line.startswith("held (pause) by anna since 20") and made.line.endswith("the GPU is needed")
    assert release(tmp_path) == made
    assert hold(tmp_path) is None and release(tmp_path) is None


def test_a_second_pause_changes_nothing_and_a_halt_adds_to_it(tmp_path: Path) -> None:
    first = set_hold(tmp_path, "pause", "anna", "lunch")
    assert set_hold(tmp_path, "cost", "touchline", "too dear") is None
    assert hold(tmp_path) == first
    halt = set_hold(tmp_path, "halt", "ben", "smoke")
    assert hold(tmp_path) == halt
    assert set_hold(tmp_path, "pause", "anna", "lunch") is None and hold(tmp_path) == halt


def test_a_file_that_nobody_understands_holds_and_can_be_released(tmp_path: Path) -> None:
    hold_file(tmp_path).write_text("stop it!")
    held = hold(tmp_path)
    assert held and held.kind == "pause" and "hold.json" in held.why
    release(tmp_path)
    assert hold(tmp_path) is None


def watch(folder: Path, silent_sec: float = 0) -> tuple[Watcher, threading.Event]:
    ended = threading.Event()
    return Watcher(folder, silent_sec, ended.set, look_every_sec=0.02), ended


def test_a_halt_ends_a_step_that_runs_and_a_pause_does_not(tmp_path: Path) -> None:
    set_hold(tmp_path, "pause", "anna", "")
    watcher, ended = watch(tmp_path)
    with watcher:
        assert not ended.wait(0.2)
        set_hold(tmp_path, "halt", "anna", "")
        assert ended.wait(5)
    assert isinstance(watcher.halt, Hold)


def test_a_step_that_says_nothing_is_ended_and_one_that_speaks_is_not(tmp_path: Path) -> None:
    watcher, ended = watch(tmp_path, silent_sec=0.3)
    with watcher:
        for _ in range(6):
            assert not ended.wait(0.1)
            watcher.heard()
        assert ended.wait(5)
    assert watcher.was_silent and watcher.halt is None


def test_a_folder_that_is_away_ends_nothing(tmp_path: Path) -> None:
    watcher, ended = watch(tmp_path / "hold.json" / "no folder")
    (tmp_path / "hold.json").write_text("")
    with watcher:
        assert not ended.wait(0.2)
