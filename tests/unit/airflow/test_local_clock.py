"""The clock on the wall on the days on which it is changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from touchline_airflow.local_clock import clock_on, next_clock


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("zone", "day", "clock", "wanted"), [
    ("Europe/Vienna", "2026-03-28", "02:30", "2026-03-28T01:30"),
    ("Europe/Vienna", "2026-03-29", "02:30", "2026-03-29T01:30"),  # there is none: 03:30
    ("Europe/Vienna", "2026-03-30", "02:30", "2026-03-30T00:30"),
    ("Europe/Vienna", "2026-10-24", "02:30", "2026-10-24T00:30"),
    ("Europe/Vienna", "2026-10-25", "02:30", "2026-10-25T01:30"),  # the second one
    ("Europe/Vienna", "2026-10-26", "02:30", "2026-10-26T01:30"),
    ("Africa/Cairo", "2026-04-24", "00:00", "2026-04-23T22:00"),  # there is no midnight: 01:00
    ("Africa/Cairo", "2026-10-29", "23:30", "2026-10-29T21:30"),  # the second one
    ("America/Sao_Paulo", "2018-11-04", "00:30", "2018-11-04T03:30"),
    ("America/Havana", "2026-11-01", "00:00", "2026-11-01T05:00"),  # midnight comes twice
    ("UTC", "2026-03-29", "02:30", "2026-03-29T02:30")])
def test_a_day_has_each_time_once(zone: str, day: str, clock: str, wanted: str) -> None:
    assert clock_on(date.fromisoformat(day), time.fromisoformat(clock), ZoneInfo(zone)) == utc(wanted)


@pytest.mark.parametrize("zone", ["Europe/Vienna", "Africa/Cairo", "America/Havana", "America/Santiago",
                                  "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("clock", [time(0), time(0, 30), time(2, 30), time(6), time(23, 45)])
def test_the_next_one_is_always_ahead_and_never_further_than_a_day_with_a_change(zone: str, clock: time) -> None:
    moment, found = utc("2026-01-01T00:07"), []
    while moment.year == 2026:
        ahead = next_clock(moment, clock, ZoneInfo(zone)) - moment
        assert timedelta(0) < ahead <= timedelta(hours=25)
        found.append(moment + ahead)
        moment += timedelta(hours=5)
    days = sorted(set(found))
    assert all(timedelta(hours=22.5) <= later - before <= timedelta(hours=25.5)
               for before, later in pairwise(days))
