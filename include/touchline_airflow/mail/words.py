"""How are times and lengths said in a mail?"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


def moment(when: datetime, zone: ZoneInfo) -> str:
    """`Sat 21 Nov, 21:05 CET`."""
    return f"{when.astimezone(zone):%a %d %b, %H:%M %Z}"


def span(length: timedelta) -> str:
    """`1 h 31 min`, `4 min`, `20 s`."""
    seconds = round(length.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def amount(count: int, one: str, many: str = "") -> str:
    """`1 match`, `2 matches`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
