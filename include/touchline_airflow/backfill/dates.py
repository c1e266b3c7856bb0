"""On which day was a match?

The first of: `date` in its match.toml; a date in the recording's name, else in that of its folder or of the next one
up, below NAS_MOUNT_PATH; the day on which the recording was last written, in TIMEZONE, or on which it came to the NAS
where the clock that wrote it was not set. Names count as 2026-01-31, 2026_01_31, 2026.01.31, 20260131 and 31.01.2026;
what is not a day of the calendar does not count.
"""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo
from pathlib import Path

from touchline.sidecars.read import noted_date
from touchline_airflow.mount.age import made_at_s

_YEAR_FIRST = re.compile(r"(?<!\d)(20\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")
_DAY_FIRST = re.compile(r"(?<!\d)(\d\d?)\.(\d\d?)\.(20\d\d)(?!\d)")


def match_date(recording: Path, mount: Path, zone: tzinfo) -> date:
    """The day of the match of this recording.

    Raises:
        OSError: the recording is away.
    """
    return (noted_date(recording) or date_in_path(recording, mount)
            or datetime.fromtimestamp(made_at_s(recording.stat()), zone).date())


def date_in_path(recording: Path, mount: Path) -> date | None:
    """The date in a recording's name, else in the name of the nearest folder that has one."""
    folders = [folder.name for folder in recording.parents if mount in folder.parents]
    return next((found for name in (recording.stem, *folders) if (found := date_in_name(name))), None)


def date_in_name(name: str) -> date | None:
    """The first date in a name."""
    for year, _, month, day in _YEAR_FIRST.findall(name):
        if found := _date(year, month, day):
            return found
    for day, month, year in _DAY_FIRST.findall(name):
        if found := _date(year, month, day):
            return found
    return None


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
