"""However a file arrives: it is registered when it is whole, never before, and never called bad on the way."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from touchline.catalogue import matches, recordings
from touchline.catalogue.connection import now_ms
from touchline.errors import IncompleteRecordingError
from touchline.settings import Settings
from touchline_airflow.ingest import register, standing_still
from touchline_airflow.runtime.choice import step_argv, touchline_path
from touchline_airflow.runtime.process import StepProcess

STILL_SEC = 10
LONG_MS = 30_000
"""Between two looks."""
Stage = Callable[[bytes], bytes]
"""From the whole content to what there is of it at that time."""


def part(share: float) -> Stage:
    return lambda content: content[: int(share * len(content))]


def zeros_from(share: float) -> Stage:
    return lambda content: part(share)(content) + bytes(len(content) - int(share * len(content)))


def hole(first: float, end: float) -> Stage:
    def stage(content: bytes) -> bytes:
        a, b = int(first * len(content)), int(end * len(content))
        return content[:a] + bytes(b - a) + content[b:]

    return stage


ARRIVALS: dict[str, list[Stage]] = {
    "in pieces": [part(0.2), part(0.6), part(0.999)],
    "preallocated, from the front": [zeros_from(0.0), zeros_from(0.4), zeros_from(0.9)],
    "preallocated, the end first": [hole(0.05, 0.6), hole(0.2, 0.45)],
    "cut at 60 % and completed later": [part(0.6), part(0.6)],
    "shrinks and comes again": [part(0.9), part(0.3), part(0.0)],
    "only its tail is missing": [zeros_from(0.98)],
}


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    return dataclasses.replace(own_settings, watch_stable_time_sec=STILL_SEC)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """35 MB, its index in front."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=14,noise=alls=60:allf=t",
                    "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "20M", "-movflags", "+faststart", path],
                   check=True)
    return path.read_bytes()


@pytest.mark.parametrize("frozen", [False, True], ids=["mtime moves", "mtime is frozen"])
@pytest.mark.parametrize("stages", ARRIVALS.values(), ids=ARRIVALS)
def test_a_file_is_registered_when_it_is_whole_and_not_before(
        settings: Settings, film: bytes, stages: list[Stage], frozen: bool) -> None:
    path, moment_ms = settings.nas_mount_path / "film.mp4", now_ms() + 3_600_000

    def arrive(content: bytes) -> bool:
        """What the ingest does when it looks, and looks again after the file stood still; was it taken?"""
        nonlocal moment_ms
        path.write_bytes(content)
        if frozen:
            os.utime(path, ns=(10**18, 10**18))
        for _ in range(3):
            due = standing_still.find_due(settings, moment_ms)
            moment_ms += LONG_MS
        if not due:
            return False
        argv = [touchline_path(), *step_argv("check_recording", str(path))]
        try:
            length_ms = register.note_check(str(path), StepProcess(argv, dict(os.environ)).follow(print), settings)
        except IncompleteRecordingError:
            return False
        register.register_recordings({str(path): length_ms}, settings, print)
        return True

    for stage in stages:
        assert not arrive(stage(film))
        row = recordings.find(settings.catalogue_address, str(path))
        assert row is not None and row.status == "waiting"
    assert arrive(film)
    [match] = matches.every(settings.catalogue_address)
    assert match.status == "registered" and match.duration_ms == 14_000
    assert not list(Path(settings.nas_output_path).glob("*/FAILED.txt"))
