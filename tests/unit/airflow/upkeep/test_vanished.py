"""Rows of recordings that went long ago go; nothing is made twice for that."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from touchline.catalogue import matches, recordings, runs
from touchline.domain.layout import MatchFolder
from touchline.errors import BadRecordingError
from touchline.settings import Settings
from touchline_airflow.ingest import register, standing_still
from touchline_airflow.runtime.process import Finished
from touchline_airflow.upkeep.vanished import forget_vanished

DAY = 86_400_000
BAD = Finished(3, '{"complete": false, "bad": true, "reason": "there is no video in it"}', "")


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    (own_settings.nas_mount_path / "notes.txt").write_text("the mount is there")
    return dataclasses.replace(own_settings, watch_stable_time_sec=1)


def take(settings: Settings, name: str, moment_ms: int = 0) -> Path:
    path = settings.nas_mount_path / name
    path.write_text("film")
    for later in (0, 2000):
        due = standing_still.find_due(settings, moment_ms + later)
    register.register_recordings(dict.fromkeys(due, 60_000), settings, print)
    return path


def known(settings: Settings) -> list[str]:
    return sorted(Path(path).name for path in recordings.every(settings.catalogue_address))


def test_a_row_goes_when_its_file_was_gone_for_so_long_at_every_look(settings: Settings) -> None:
    path = take(settings, "cup.mp4")
    assert forget_vanished(settings, 90, 0) == 0
    path.unlink()
    assert [forget_vanished(settings, 90, day * DAY) for day in (1, 50, 90)] == [0, 0, 0]
    assert forget_vanished(settings, 90, 91 * DAY) == 1
    assert known(settings) == []


def test_one_that_came_back_meanwhile_is_gone_since_the_next_time(settings: Settings) -> None:
    path = take(settings, "cup.mp4")
    path.unlink()
    forget_vanished(settings, 90, DAY)
    path.write_text("film")
    forget_vanished(settings, 90, 50 * DAY)
    path.unlink()
    assert [forget_vanished(settings, 90, day * DAY) for day in (60, 140)] == [0, 0]
    assert forget_vanished(settings, 90, 150 * DAY) == 1


def test_while_the_mount_is_away_nothing_is_forgotten(settings: Settings) -> None:
    take(settings, "cup.mp4")
    settings.nas_mount_path.rename(settings.nas_mount_path.with_name("away"))
    settings.nas_mount_path.mkdir()
    assert [forget_vanished(settings, 2, day * DAY) for day in range(0, 400, 100)] == [0, 0, 0, 0]
    assert known(settings) == ["cup.mp4"]


def test_a_match_is_not_taken_twice_because_its_row_was_forgotten(settings: Settings) -> None:
    path, address = take(settings, "cup.mp4"), settings.catalogue_address
    [match] = matches.every(address)
    runs.begin(address, f"match__{match.match_id}__1", match.match_id)
    runs.end(address, f"match__{match.match_id}__1")
    matches.update(address, match.match_id, status="published")
    path.unlink()
    forget_vanished(settings, 90, DAY)
    assert forget_vanished(settings, 90, 100 * DAY) == 1
    take(settings, "cup again.mp4", 101 * DAY)
    assert [(one.match_id, one.status) for one in matches.every(address)] == [(match.match_id, "published")]
    assert matches.without_run(address) == []
    assert known(settings) == ["cup again.mp4"]


def test_what_is_said_of_a_bad_one_at_the_nas_goes_with_its_row(settings: Settings) -> None:
    path = settings.nas_mount_path / "cup.mp4"
    path.write_text("no film")
    standing_still.find_due(settings, 0)
    with pytest.raises(BadRecordingError):
        register.note_check(str(path), BAD, settings)
    row = recordings.find(settings.catalogue_address, str(path))
    assert row and MatchFolder(settings.nas_output_path, str(row.match_id)).failure.exists()
    path.unlink()
    forget_vanished(settings, 90, 0)
    assert forget_vanished(settings, 90, 90 * DAY) == 1
    assert list(settings.nas_output_path.iterdir()) == []
