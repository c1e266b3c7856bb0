"""When was a recording made, and is it new? By its mtime, which is as wrong as the clock of the camera that wrote it.

A camera whose battery ran out starts again at a date of its own, and some write no date at all: such a mtime says
nothing, and the recording counts as new. An mtime in the future says as little about the day of the match.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from touchline.errors import SettingError
from touchline.settings import Settings

NO_DATE_BEFORE = date(1990, 1, 1)
"""No video file was written before: 1970 is "no date" of Unix and of many recorders, 1980 that of FAT cards."""
RESET_DAYS = {
    date(2000, 1, 1): "clock chips without power count from there",
    date(2015, 1, 1): "action cameras of those years",
    date(2016, 1, 1): "GoPro HERO5 and later (gopro/labs 16, 444)",
    date(2022, 1, 1): "GoPro HERO11 Mini after a factory reset (gopro/labs 1333)",
}
"""Where the clock of a camera starts after a reset. A match that was played on such a day counts as new as well."""
_ANYWHERE = timedelta(hours=14)
"""A camera's card holds local time: as UTC the same day begins and ends up to this much earlier or later."""


def is_for_ingest(path: Path, settings: Settings) -> bool:
    """Whether the ingest takes a recording: it is not older than INGEST_SINCE, or nobody can say how old it is.

    Raises:
        SettingError: INGEST_SINCE is not a date.
    """
    return is_new_enough(path, since_s(settings.ingest_since))


def is_new_enough(path: Path, since: float | None) -> bool:
    """Whether it was written since then, in seconds since 1970 (None: whenever); False for one that is away."""
    try:
        mtime = path.stat().st_mtime
    except OSError:
        return False
    return since is None or mtime >= since or says_nothing(mtime)


def since_s(text: str) -> float | None:
    """INGEST_SINCE in seconds since 1970; None where it is empty.

    Raises:
        SettingError: it is not a date.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(f"INGEST_SINCE={text!r} is not an ISO date: write 2026-08-01") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def why_new(path: Path, settings: Settings) -> str:
    """What to say about a recording that INGEST_SINCE would leave out if its mtime were believed; empty for others."""
    since, mtime = since_s(settings.ingest_since), path.stat().st_mtime
    if since is None or mtime >= since:
        return ""
    return f"by its date ({datetime.fromtimestamp(mtime, UTC):%Y-%m-%d}) the camera's clock was not set: it is new"


def says_nothing(mtime_s: float) -> bool:
    """Whether an mtime is that of a clock that was never set, or was reset."""
    if mtime_s < _midnight(NO_DATE_BEFORE).timestamp():
        return True
    return any((_midnight(day) - _ANYWHERE).timestamp() <= mtime_s
               < (_midnight(day) + timedelta(days=1) + _ANYWHERE).timestamp() for day in RESET_DAYS)


def made_at_s(status: os.stat_result) -> float:
    """When a recording was made: its mtime, or its ctime, when it came to the NAS, where the mtime says nothing."""
    is_ahead = status.st_mtime > time.time() + timedelta(days=1).total_seconds()
    return status.st_ctime if is_ahead or says_nothing(status.st_mtime) else status.st_mtime


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
