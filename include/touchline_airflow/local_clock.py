"""When does the clock on the wall show this time, and when did the day begin?

On two days of the year some times come twice, and some not at all.
As Airflow's schedules have it: a time that comes twice counts the second time, and one that is skipped counts later
by the length of the skip. Moments are in UTC: two of one zone would be compared as if no hour were missing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def clock_on(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The moment at which a day has this time of the day, in UTC."""
    return max(datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def next_clock(after: datetime, clock: time, zone: ZoneInfo) -> datetime:
    """The first moment after this one at which a day has this time of the day, in UTC."""
    today = after.astimezone(zone).date()
    moments = (clock_on(today + timedelta(days=days), clock, zone) for days in (-1, 0, 1, 2))
    return next(moment for moment in moments if moment > after)


def start_of_day() -> datetime:
    """When the day began whose cost is counted and limited: midnight UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
