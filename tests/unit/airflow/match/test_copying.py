"""When is a NAS slow, and what becomes of the copy beside a scan?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from touchline.domain.layout import HostFiles, ScratchFiles, WorkFiles
from touchline.results.request import Request, save_request
from touchline.settings import Settings
from touchline_airflow.match import copying
from touchline_airflow.match.copying import RunningCopy, has_copies, slow_rate
from touchline_airflow.runtime.process import StepProcess

MATCH = "final-0123456789ab"
NOW = 1_800_000_000.0
Start = Callable[[str], tuple[RunningCopy, list[str]]]


def measured(settings: Settings, read_mb_s: float | None, age_sec: float = 60) -> Settings:
    path = HostFiles(settings.working_dir, "gpu1").nas
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = {} if read_mb_s is None else {"read_mb_s": read_mb_s}
    path.write_text(json.dumps({"figures": figures, "measured_at_ms": (NOW - age_sec) * 1000}))
    return settings


@pytest.mark.parametrize(("rate", "age_sec", "limit", "slow"), [
    (23.4, 60, 50, 23.4), (50.0, 60, 50, None), (23.4, 7300, 50, None), (23.4, -60, 50, 23.4), (None, 60, 50, None),
    (23.4, 60, 0, None), (0.0, 60, 50, 0.0)])  # fmt: skip
def test_a_nas_is_slow_when_it_was_measured_so_lately(own_settings: Settings, rate: float | None, age_sec: float,
                                                      limit: int, slow: float | None) -> None:
    settings = replace(measured(own_settings, rate, age_sec), prefetch_below_mb_s=limit)
    assert slow_rate(settings, "gpu1", NOW) == slow


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"figures": 3}', '{"figures": {"read_mb_s": "x"}}'])
def test_figures_that_cannot_be_read_are_none(own_settings: Settings, content: str | None) -> None:
    path = HostFiles(own_settings.working_dir, "gpu1").nas
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_text(content)
    assert slow_rate(own_settings, "gpu1", NOW) is None


@pytest.fixture
def start(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start a prefetch whose command is a shell script."""
    WorkFiles(own_settings.working_dir, MATCH).root.mkdir(parents=True)

    def begin(script: str) -> tuple[RunningCopy, list[str]]:
        monkeypatch.setattr(copying, "own_process", lambda *_: StepProcess(["sh", "-c", script], {}))
        said: list[str] = []
        return RunningCopy(MATCH, own_settings, said.append), said

    return begin


def scanned(settings: Settings) -> None:
    WorkFiles(settings.working_dir, MATCH).scan.write_text("{}")


def test_the_scan_waits_for_the_copy(own_settings: Settings, start: Start) -> None:
    copy, said = start("sleep 1; echo prefetch 100% >&2")
    scanned(own_settings)
    assert copy.wait() is True
    assert said == ["prefetch 100%"]


def test_a_copy_that_fails_is_told_and_fails_nothing(own_settings: Settings,
                                                     start: Start) -> None:
    copy, said = start("echo SCRATCH_DIR is full >&2; exit 1")
    scanned(own_settings)
    assert copy.wait() is False
    assert said[-1] == "There is no copy in SCRATCH_DIR (SCRATCH_DIR is full): the steps read the NAS"


def test_a_copy_that_does_not_move_is_given_up(own_settings: Settings, monkeypatch: pytest.MonkeyPatch,
                                               start: Start) -> None:
    monkeypatch.setattr(copying, "STALLED_SEC", 1.0)
    copy, said = start("sleep 60")
    scanned(own_settings)
    started = time.monotonic()
    assert copy.wait() is False
    assert time.monotonic() - started < 10
    assert "is given up" in said[-1]


def test_a_scan_that_was_done_already_needs_no_copy(start: Start) -> None:
    copy, _ = start("sleep 60")
    started = time.monotonic()
    assert copy.wait() is False
    assert time.monotonic() - started < 10


def test_all_recordings_must_have_a_copy(own_settings: Settings) -> None:
    save_request(Request(MATCH, ("/nas/a.mp4", "/nas/b.mp4"), ("a" * 64, "b" * 64), ("highlights",)), own_settings)
    scratch = ScratchFiles(own_settings.scratch_dir, MATCH)
    for digest, complete in (("a" * 64, False), ("b" * 64, True)):
        path: Path = scratch.recording(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert has_copies(MATCH, own_settings) is complete
