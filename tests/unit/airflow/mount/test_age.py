"""Is a recording new, and when was it made, by the clock of a camera that may be wrong?"""

from __future__ import annotations

import dataclasses
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from touchline.settings import Settings
from touchline_airflow.backfill.dates import match_date
from touchline_airflow.mount.age import is_for_ingest, why_new
from touchline_airflow.mount.find import find_recordings

TODAY = datetime.now(UTC).date()


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    return dataclasses.replace(own_settings, ingest_since="2026-08-01")


def drop(settings: Settings, written: str | float) -> Path:
    path = settings.nas_mount_path / "a.mp4"
    path.write_bytes(b"film")
    moment = datetime.fromisoformat(written).timestamp() if isinstance(written, str) else written
    os.utime(path, (moment, moment))
    return path


RESET = ["1970-01-01T00:00+00:00", "1970-01-03T11:00+00:00", "1980-01-01T00:00+00:00", "2000-01-01T01:30+00:00",
         "2015-01-01T00:12+00:00", "2014-12-31T11:00+00:00", "2016-01-02T10:00+00:00", "2022-01-01T12:01+00:00"]


@pytest.mark.parametrize("written", RESET)
def test_a_camera_whose_clock_was_reset_makes_new_recordings(settings: Settings, written: str) -> None:
    path = drop(settings, written)
    assert list(find_recordings(settings)) == [path]
    assert is_for_ingest(path, settings)
    assert why_new(path, settings) == f"by its date ({written[:10]}) the camera's clock was not set: it is new"


@pytest.mark.parametrize("written", ["1990-06-01T12:00+00:00", "2015-01-04T15:00+00:00", "2024-01-01T15:00+00:00",
                                     "2026-07-31T23:59+00:00"])
def test_an_archive_that_was_copied_today_waits_for_the_backfill(settings: Settings, written: str) -> None:
    path = drop(settings, written)
    assert list(find_recordings(settings)) == []
    assert not is_for_ingest(path, settings)


def test_nothing_is_said_of_a_recording_that_is_new_by_its_date(settings: Settings) -> None:
    path = drop(settings, "2026-08-02T12:00+00:00")
    assert is_for_ingest(path, settings) and why_new(path, settings) == ""
    assert why_new(path, dataclasses.replace(settings, ingest_since="")) == ""


@pytest.mark.parametrize("written", [*RESET, "2036-05-01T12:00+00:00", 15e9])
def test_a_date_that_says_nothing_gives_the_day_on_which_the_recording_came(settings: Settings,
                                                                          written: str | float) -> None:
    day = match_date(drop(settings, written), settings.nas_mount_path, UTC)
    assert TODAY <= day <= TODAY + timedelta(days=1)


def test_a_clock_that_is_some_hours_ahead_still_says_the_day(settings: Settings) -> None:
    moment = datetime.now(UTC) + timedelta(hours=3)
    assert match_date(drop(settings, moment.timestamp()), settings.nas_mount_path, UTC) == moment.date()
