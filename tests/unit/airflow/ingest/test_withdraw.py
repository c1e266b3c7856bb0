"""A deleted recording: no run begins for it, it becomes nobody's source, and it is taken up when it is back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from support.nas_files import drop
from touchline.catalogue import matches, recordings, runs
from touchline.settings import Settings
from touchline_airflow.ingest import register, standing_still
from touchline_airflow.ingest.withdraw import GONE

SECOND = 1000


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    (own_settings.nas_mount_path / "notes.txt").write_text("the mount is there")
    return dataclasses.replace(own_settings, watch_stable_time_sec=1)


def take(settings: Settings, moment_s: int) -> list[str]:
    """What two looks find due is registered; what the ingest says."""
    said: list[str] = []
    standing_still.find_due(settings, moment_s * SECOND)
    due = standing_still.find_due(settings, (moment_s + 2) * SECOND)
    register.register_recordings(dict.fromkeys(due, 60_000), settings, said.append)
    return said


def recycle(path: Path) -> Path:
    bin_ = path.parent / "#recycle" / path.name
    bin_.parent.mkdir(exist_ok=True)
    return path.rename(bin_)


def pending(settings: Settings) -> list[str]:
    return [Path(match.recording).name for match in matches.without_run(settings.catalogue_address)]


def test_no_run_begins_for_a_recording_that_was_moved_to_the_recycle_bin(settings: Settings) -> None:
    path = drop(settings, "cup.mp4")
    take(settings, 0)
    assert pending(settings) == ["cup.mp4"]
    recycle(path)
    said = take(settings, 10)
    assert pending(settings) == [] and matches.without_run(settings.catalogue_address) == []
    [match] = matches.every(settings.catalogue_address)
    assert (match.recording, match.status, match.reason) == (str(path), "failed", GONE)
    assert said == [f"{match.match_id} is not made: {path} is gone"]
    assert take(settings, 20) == []


def test_it_is_made_when_it_is_back(settings: Settings) -> None:
    path = drop(settings, "cup.mp4")
    take(settings, 0)
    binned = recycle(path)
    take(settings, 10)
    binned.rename(path)
    take(settings, 20)
    assert pending(settings) == ["cup.mp4"]
    assert [match.status for match in matches.every(settings.catalogue_address)] == ["registered"]


def test_it_is_made_when_it_was_only_renamed(settings: Settings) -> None:
    path = drop(settings, "cup.mp4")
    take(settings, 0)
    path.rename(settings.nas_mount_path / "league.mp4")
    take(settings, 10)
    assert pending(settings) == ["league.mp4"]


def test_a_duplicate_takes_its_place(settings: Settings) -> None:
    first, second = drop(settings, "a.mp4"), drop(settings, "b.mp4")
    take(settings, 0)
    first.unlink()
    take(settings, 10)
    assert pending(settings) == ["b.mp4"]
    row = recordings.find(settings.catalogue_address, str(second))
    assert row and row.status == "registered"


def test_a_match_whose_source_an_older_release_took_from_the_recycle_bin_gets_it_back(settings: Settings) -> None:
    path = drop(settings, "cup.mp4")
    take(settings, 0)
    [match] = matches.every(settings.catalogue_address)
    binned = drop(settings, "#recycle/cup.mp4")
    matches.update(settings.catalogue_address, match.match_id, recording=str(binned))
    recordings.update(settings.catalogue_address, str(path), status="waiting")
    take(settings, 10)
    assert pending(settings) == ["cup.mp4"]


def test_while_the_mount_is_away_nothing_is_withdrawn(settings: Settings) -> None:
    drop(settings, "cup.mp4")
    take(settings, 0)
    settings.nas_mount_path.rename(settings.nas_mount_path.with_name("away"))
    settings.nas_mount_path.mkdir()
    take(settings, 10)
    assert pending(settings) == ["cup.mp4"]


def test_a_match_that_was_begun_is_left_to_its_run(settings: Settings) -> None:
    path = drop(settings, "cup.mp4")
    take(settings, 0)
    [match] = matches.every(settings.catalogue_address)
    runs.begin(settings.catalogue_address, f"match__{match.match_id}__1", match.match_id)
    recycle(path)
    assert take(settings, 10) == []
    assert [match.status for match in matches.every(settings.catalogue_address)] == ["registered"]


def test_a_deleted_recording_that_waited_is_not_late(settings: Settings) -> None:
    path = drop(settings, "cup.mp4")
    standing_still.find_due(settings, 0)
    assert [row.path for row in register.late_recordings(settings, 1)] == [str(path)]
    binned = recycle(path)
    look = standing_still.take_look(binned, None)
    recordings.note_looks(settings.catalogue_address, [look] if look else [], 0)
    assert register.late_recordings(settings, 1) == []
