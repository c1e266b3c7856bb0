"""Where does the warm-up end in a film that begins with it? Before a kick-off before which nothing was played."""

from __future__ import annotations

from collections.abc import Iterable

from touchline.domain.action import Spotting
from touchline.spotting.fusion import Course, fusion_table


def warm_up_end_ms(spottings: Iterable[Spotting], course: Course) -> int:
    """Match time before which nothing is an action; 0 where no warm-up is told.

    The first half's kick-off tells: what the club wrote down, else the first sure one, if it comes early and nothing
    sure before it says that a match was going on, for in a warm-up nobody takes a throw-in. A goal brings a kick-off as
    well: what lies shortly before one that was only seen may be its shot.
    """
    if course.begins_ms:
        return course.begins_ms - int(fusion_table()["restarts"]["half_ms"])
    rules = fusion_table()["warm_up"]
    seen = sorted(spottings, key=lambda one: one.match_ms)
    first = next((one.match_ms for one in seen if one.label == "Kick-off" and one.confidence >= rules["least"]), 0)
    is_played = any(one.label in rules["played"] and one.confidence >= rules["least_played"]
                    for one in seen if one.match_ms < first)
    return max(0, first - rules["goal_ms"]) if first <= rules["longest_ms"] and not is_played else 0
