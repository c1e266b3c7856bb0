"""A NAS that gives errors, goes stale or dies while a step reads: exit code 1, one line, no verdict, and it heals."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.nas_place import UnwellNas, unwell_nas
from integration.storage_place import Place
from support.footage import TOUCHLINE
from touchline.errors import EXIT_STORAGE

STEPS = ("probe", "scan", "check-recording")
ERRORS = [pytest.param(name, marks=[pytest.mark.verify] * (name not in ("EIO", "ESTALE"))) for name in (
    "EIO", "ESTALE", "ENOTCONN", "ETIMEDOUT", "EHOSTDOWN", "ECONNABORTED")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    for name in ("source", "work", "scratch", "output"):
        (tmp_path / name).mkdir()
    subprocess.run([TOUCHLINE, "simulate", "--seconds", "12", "--seed", "3", "--size", "320x180", "--output",
                    place.source], check=True, capture_output=True)
    return place


@pytest.fixture
def sick(place: Place) -> Iterator[UnwellNas]:
    with unwell_nas(place.source, place.nas) as nas:
        place.match_id = place.run("register", place.nas / "match.mp4").stdout.strip()
        yield nas


def run(place: Place, step: str) -> subprocess.CompletedProcess[str]:
    return place.run(step, *((place.nas / "match.mp4",) if step == "check-recording" else ()))


def assert_waits(place: Place, step: str, done: subprocess.CompletedProcess[str]) -> None:
    """Worth a retry, the setting is named, nothing is said about the recording itself."""
    assert done.returncode == EXIT_STORAGE, (done.returncode, done.stdout, done.stderr)
    last = done.stderr.strip().splitlines()[-1]
    start = rf"touchline {step}: NAS_MOUNT_PATH \({place.nas}\) (is away|cannot be read) \(.*\); "
    assert re.match(start, last) and last.endswith("the task is tried again"), last
    assert "Traceback" not in done.stderr
    assert done.stdout == "", "a verdict about a recording that nobody could read"
    assert place.left_over() == []


@pytest.mark.parametrize("error", ERRORS)
def test_errors_in_the_middle_of_a_recording_make_the_steps_wait(place: Place, sick: UnwellNas, error: str) -> None:
    size = (place.source / "match.mp4").stat().st_size
    assert run(place, "probe").returncode == 0
    for step in ("check-recording", "scan"):
        sick.turn(f"error {error} {size // 2}")
        assert_waits(place, step, run(place, step))
        sick.turn("well")
        assert run(place, step).returncode == 0


@pytest.mark.parametrize("error", ["ESTALE", "EIO"])
def test_a_stale_mount_makes_every_step_wait(place: Place, sick: UnwellNas, error: str) -> None:
    for step in STEPS:
        sick.turn(f"error {error}")
        assert_waits(place, step, run(place, step))
        sick.turn("well")
        assert run(place, step).returncode == 0


def test_a_mount_that_died_and_is_mounted_again_heals(place: Place) -> None:
    with unwell_nas(place.source, place.nas) as nas:
        place.match_id = place.run("register", place.nas / "match.mp4").stdout.strip()
        nas.die()
        for step in ("probe", "check-recording"):
            assert_waits(place, step, run(place, step))
    with unwell_nas(place.source, place.nas):
        assert run(place, "probe").returncode == 0


def test_a_step_that_a_hung_mount_holds_goes_on_when_it_answers_again(place: Place, sick: UnwellNas) -> None:
    sick.turn("hang")
    process = place.start("probe")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(4)
    sick.turn("well")
    assert process.wait(60) == 0
    process.communicate()
    assert (place.files / "probe.json").exists()
