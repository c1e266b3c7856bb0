"""A match is of the day that its match.toml says, else its name or folder, else of the day it was written."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from touchline_airflow.backfill.dates import date_in_name, match_date


@pytest.mark.parametrize(("name", "day"), [
    ("2026-01-31 Reds - Blues", date(2026, 1, 31)),
    ("Reds_2026_01_31_h1", date(2026, 1, 31)),
    ("GX010042 2026.01.31", date(2026, 1, 31)),
    ("20260131_150000", date(2026, 1, 31)),
    ("Reds - Blues 31.1.2026", date(2026, 1, 31)),
    ("take 20261399, then 2026-02-28", date(2026, 2, 28)),
    ("2026-02-30", None),
    ("2026-01_31", None),
    ("120260131", None),
    ("season 2026", None),
    ("", None),
])
def test_a_date_in_a_name(name: str, day: date | None) -> None:
    assert date_in_name(name) == day


def recording(mount: Path, name: str) -> Path:
    path = mount / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    written = datetime(2026, 3, 1, 23, 30, tzinfo=UTC).timestamp()
    os.utime(path, (written, written))
    return path


def test_what_was_noted_goes_before_the_name_and_the_name_before_the_folder_and_the_clock(tmp_path: Path) -> None:
    path = recording(tmp_path, "2025-11-02/2025-11-01 cup.mp4")
    assert match_date(path, tmp_path, UTC) == date(2025, 11, 1)
    path.with_name("match.toml").write_text("date = 2025-10-31\n")
    assert match_date(path, tmp_path, UTC) == date(2025, 10, 31)
    path.with_name("match.toml").write_text("date = \n")  # the probe will say what is wrong with it
    assert match_date(path, tmp_path, UTC) == date(2025, 11, 1)
    assert match_date(recording(tmp_path, "2025-11-02/away/cup.mp4"), tmp_path, UTC) == date(2025, 11, 2)


def test_without_any_date_it_is_the_day_of_the_last_write_in_the_zone_of_the_people(tmp_path: Path) -> None:
    mount = tmp_path / "2020-01-01"  # the mount's own name says nothing about a match
    path = recording(mount, "cup.mp4")
    assert match_date(path, mount, UTC) == date(2026, 3, 1)
    assert match_date(path, mount, ZoneInfo("Europe/Vienna")) == date(2026, 3, 2)


@pytest.mark.parametrize(("zone", "written", "day"), [
    ("Europe/Vienna", "2026-03-28T22:59", date(2026, 3, 28)), ("Europe/Vienna", "2026-03-28T23:00", date(2026, 3, 29)),
    ("Europe/Vienna", "2026-03-29T21:59", date(2026, 3, 29)), ("Europe/Vienna", "2026-03-29T22:00", date(2026, 3, 30)),
    ("Europe/Vienna", "2026-10-25T22:59", date(2026, 10, 25)),
    ("Europe/Vienna", "2026-10-25T23:00", date(2026, 10, 26)),
    ("Africa/Cairo", "2026-04-23T21:59", date(2026, 4, 23)), ("Africa/Cairo", "2026-04-23T22:00", date(2026, 4, 24))])
def test_the_day_of_writing_is_that_of_the_people_when_the_clocks_change_too(
        tmp_path: Path, zone: str, written: str, day: date) -> None:
    path = tmp_path / "cup.mp4"
    path.write_text("film")
    moment = datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp()
    os.utime(path, (moment, moment))
    assert match_date(path, tmp_path, ZoneInfo(zone)) == day
