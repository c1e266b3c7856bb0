"""In the weeks in which the clocks change each day has one night and one summary, and nothing is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from touchline_airflow.backfill.night import night_of
from touchline_airflow.backfill.schedule import every_midnight
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.summary.schedule import each_morning, since_when

WEEKS = [("Europe/Vienna", "2026-03-26"), ("Europe/Vienna", "2026-10-22"), ("Africa/Cairo", "2026-04-21"),
         ("Africa/Cairo", "2026-10-26"), ("America/Havana", "2026-03-05"), ("America/Havana", "2026-10-29"),
         ("America/Santiago", "2026-09-03"), ("America/Sao_Paulo", "2018-11-01"), ("America/Sao_Paulo", "2019-02-14")]


def runs(timetable: Any, zone: str, first: str) -> list[Any]:
    """What Airflow plans for eight days."""
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction
    from pendulum import instance

    begins = datetime.fromisoformat(f"{first}T12:00").replace(tzinfo=ZoneInfo(zone))
    core, last, found = coerce_to_core_timetable(timetable), None, []
    for _ in range(8):
        info = core.next_dagrun_info(last_automated_data_interval=last,
                                     restriction=TimeRestriction(instance(begins), None, catchup=True))
        last = info.data_interval
        found.append(info)
    return found


@pytest.mark.parametrize(("zone", "first"), WEEKS)
def test_each_day_of_the_calendar_is_that_of_one_night(zone: str, first: str) -> None:
    here = ZoneInfo(zone)
    days = [(info.data_interval.start.astimezone(here).date(), info.data_interval.end.astimezone(here).date())
            for info in runs(every_midnight({"TIMEZONE": zone}), zone, first)]
    assert all(end - start == timedelta(days=1) for start, end in days)
    assert all(before[1] == later[0] for before, later in pairwise(days))


@pytest.mark.parametrize(("zone", "first"), WEEKS)
@pytest.mark.parametrize("clock", ["00:30", "02:30", "05:00"])
def test_each_night_ends_on_its_own_day(zone: str, first: str, clock: str) -> None:
    deployment = DeploymentSettings(timezone=zone, working_day_begins=clock)
    for info in runs(every_midnight({"TIMEZONE": zone}), zone, first):
        begins = info.data_interval.end
        ends_ms = night_of(begins, begins, {}, deployment).ends_ms
        assert ends_ms is not None
        ends = datetime.fromtimestamp(ends_ms / 1000, UTC)
        assert timedelta(0) < ends - begins <= timedelta(hours=6), (begins, ends)
        assert ends.astimezone(ZoneInfo(zone)).date() == begins.astimezone(ZoneInfo(zone)).date()


@pytest.mark.parametrize(("zone", "first"), WEEKS)
@pytest.mark.parametrize("clock", ["00:30", "02:30", "07:00"])
def test_each_summary_begins_where_the_one_before_it_was_mailed(zone: str, first: str, clock: str) -> None:
    deployment = DeploymentSettings(timezone=zone, summary_at=clock)
    mailed = [info.run_after for info in runs(each_morning({"TIMEZONE": zone, "SUMMARY_AT": clock}), zone, first)]
    assert len({moment.astimezone(ZoneInfo(zone)).date() for moment in mailed}) == 8
    assert [since_when(moment, deployment) for moment in mailed[1:]] == mailed[:-1]
