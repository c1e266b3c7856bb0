"""What do the clock and the score in the picture say, when many looks at them are taken together?

Single readings are often wrong: a 1 is read as a 7, another team's result runs along the bottom. So nothing is taken
from one look. The clock is a straight line through many readings; the score is the likeliest path through them
(Viterbi's algorithm: a hidden score that changes rarely, and looks that are wrong now and then).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Score = tuple[int, int]
"""Goals of the team that stands first in the graphic, and of the other."""

_CLOCK = re.compile(r"(?<![\d:.])(\d{1,3})[:.]([0-5]\d)(?![\d:.])(?:\s*\+\s*(\d{1,2}):([0-5]\d))?", re.ASCII)
_ADDED = re.compile(r"\+\s*\d{1,2}\b['’]?", re.ASCII)
_SCORE = re.compile(r"(?<![\d:.])(\d{1,2})\s*[-–—:]\s*(\d{1,2})(?![\d:.])", re.ASCII)
_BESIDE = re.compile(r"(?<![\w:.])(\d{1,2})\s+(\d{1,2})(?![\w:.])", re.ASCII)
_BRACKETS = re.compile(r"[(\[][^)\]]*[)\]]")
_NUMBER = re.compile(r"(?<![\w:.])\d{1,2}(?![\w:.])", re.ASCII)
SEPARATOR = " | "
LONGEST_CLOCK_S = 130 * 60
MOST_GOALS = 30

SAME_CLOCK_MS = 1500
"""By so much two readings of one running clock may differ: a clock shows whole seconds."""
LEAST_READINGS = 3
"""So many looks must agree before a clock or a score is believed."""
RESTART_MS = 60_000
"""A clock that goes back by more than this began again; by less it was set right."""
HALF_MARKS_S = (0, 45 * 60, 90 * 60, 105 * 60)
"""What the clock shows when a half, or a half of extra time, begins."""

# Costs in nats, that is -log of a probability. A look is wrong once in ten; a goal falls once in some hundred looks; a
# score that goes back (a goal that was taken back) or jumps (a gap between two recordings) is rarer.
_RIGHT, _WRONG = 0.1, 3.5
_GOAL, _UNUSUAL = 6.0, 10.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the graphic: its clock in seconds, its score; None where that could not be read."""

    match_ms: int
    clock_s: int | None
    score: Score | None


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which the clock ran on without a stop: it showed 0:00 at `zero_ms` of match time, or would have."""

    start_ms: int
    end_ms: int
    zero_ms: int
    readings: int

    @property
    def mark_s(self) -> int:
        """What the clock showed when its half began."""
        shown_s = (self.start_ms - self.zero_ms) / 1000
        return max((mark for mark in HALF_MARKS_S if mark <= shown_s + 1), default=0)

    @property
    def begins_ms(self) -> int:
        """When its half began, by the clock; below 0 where that is not in the recordings."""
        return self.zero_ms + self.mark_s * 1000

    def begins_a_half_after(self, before: Period) -> bool:
        """Whether it counts another half than the one before it: from a later mark, or from 0:00 again."""
        return self.mark_s > before.mark_s or self.start_ms - self.zero_ms < before.end_ms - before.zero_ms - RESTART_MS


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """The score changed from `old` to `new` after the look at `before_ms` and before the one at `after_ms`."""

    before_ms: int
    after_ms: int
    old: Score
    new: Score
    readings: int

    @property
    def is_goal(self) -> bool:
        """One goal more for one of the two; what was taken back or jumps is none."""
        return (self.new[0] - self.old[0], self.new[1] - self.old[1]) in ((1, 0), (0, 1))


def read_texts(match_ms: int, texts: Iterable[str]) -> Reading:
    """Find clock and score in the texts of one graphic, from left to right."""
    line = _BRACKETS.sub(" ", SEPARATOR.join(texts))  # in brackets stands the result of the first leg
    clock = _CLOCK.search(line)
    rest = _ADDED.sub(" ", _CLOCK.sub(SEPARATOR, line))
    return Reading(match_ms, _seconds(clock) if clock else None, _score(rest))


def _seconds(clock: re.Match[str]) -> int | None:
    minutes, seconds, more_minutes, more_seconds = (int(part or 0) for part in clock.groups())
    shown = (minutes + more_minutes) * 60 + seconds + more_seconds
    return shown if shown <= LONGEST_CLOCK_S else None


def _score(text: str) -> Score | None:
    """`2-1`; else `2 1` in one text; else the only two numbers that stand alone, or a lone `02` without its gap."""
    pairs = _SCORE.findall(text) or _BESIDE.findall(text)
    lone = _NUMBER.findall(text)
    if len(pairs) == 1:
        numbers = pairs[0]
    elif not pairs and len(lone) == 1 and len(lone[0]) == 2:
        numbers = tuple(lone[0])
    else:
        numbers = () if pairs else lone
    if len(numbers) != 2:
        return None
    first, second = (int(number) for number in numbers)
    return (first, second) if max(first, second) <= MOST_GOALS else None


def find_periods(readings: Sequence[Reading]) -> list[Period]:
    """Times in which the clock ran, in order; they do not overlap: of two that do, the one with fewer readings goes."""
    zeros = sorted((one.match_ms - one.clock_s * 1000, one.match_ms) for one in readings if one.clock_s is not None)
    groups: list[list[tuple[int, int]]] = []
    for zero in zeros:
        if groups and zero[0] - groups[-1][-1][0] <= SAME_CLOCK_MS:
            groups[-1].append(zero)
        else:
            groups.append([zero])
    kept: list[Period] = []
    for group in sorted(groups, key=lambda group: (-len(group), group[0])):
        times = [match_ms for _, match_ms in group]
        middle = group[len(group) // 2][0]
        found = Period(min(times), max(times), middle, len(group))
        if len(group) >= LEAST_READINGS and all(found.start_ms > one.end_ms or found.end_ms < one.start_ms
                                                for one in kept):
            kept.append(found)
    return sorted(kept, key=lambda period: period.start_ms)


def find_score_changes(readings: Sequence[Reading]) -> list[ScoreChange]:
    """Changes of the score, in order, each borne by at least LEAST_READINGS looks before the next one."""
    read = sorted((one.match_ms, one.score) for one in readings if one.score is not None)
    looks = [match_ms for match_ms, _ in read]
    path = _likeliest([score for _, score in read])
    borders = [place for place, (old, new) in enumerate(pairwise(path), 1) if old != new]
    changes = []
    for place, after in pairwise([*borders, len(path)]):
        support = sum(1 for _, score in read[place:after] if score == path[place])
        changes.append(ScoreChange(looks[place - 1], looks[place], path[place - 1], path[place], support))
    return [change for change in changes if change.readings >= LEAST_READINGS]


def kick_offs_by_clock(periods: Sequence[Period]) -> tuple[int, ...]:
    """When the halves began (match_ms), as far as the recordings show it."""
    firsts = [*periods[:1], *(period for before, period in pairwise(periods) if period.begins_a_half_after(before))]
    return tuple(period.begins_ms for period in firsts if period.begins_ms >= 0)


@dataclass(frozen=True, slots=True)
class ScoreSheet:
    """What the graphic says about goals: changes of the score, and when (match_ms, in order) it was read at all."""

    changes: Sequence[ScoreChange] = ()
    looks_ms: Sequence[int] = ()

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> ScoreSheet:
        """From all looks at a match."""
        return cls(find_score_changes(readings), sorted(one.match_ms for one in readings if one.score is not None))

    def goal_after(self, match_ms: int, late_ms: int, within_ms: int) -> ScoreChange | None:
        """The first goal that the graphic showed from `late_ms` before a moment to `within_ms` after it."""
        return next((change for change in self.changes
                     if change.is_goal and match_ms - late_ms <= change.after_ms <= match_ms + within_ms), None)

    def stays_after(self, match_ms: int, late_ms: int, within_ms: int) -> bool:
        """Whether the score was read again and again after a moment, and was the same all the time."""
        first = bisect_left(self.looks_ms, match_ms - late_ms)
        looks = bisect_right(self.looks_ms, match_ms + within_ms) - first
        return looks >= LEAST_READINGS and not any(
            match_ms - late_ms <= change.after_ms <= match_ms + within_ms for change in self.changes)


def _likeliest(seen: Sequence[Score]) -> list[Score]:
    """The likeliest score at each look (Viterbi)."""
    states = sorted(score for score, count in Counter(seen).items() if count >= LEAST_READINGS)
    if not states:
        return []
    costs = [0.0 if state == (0, 0) else _GOAL for state in states]
    came_from: list[list[int]] = []
    for score in seen:
        ways = [[cost + _change_cost(old, new) for cost, old in zip(costs, states, strict=True)] for new in states]
        best = [way.index(min(way)) for way in ways]
        costs = [min(way) + (_RIGHT if score == new else _WRONG) for way, new in zip(ways, states, strict=True)]
        came_from.append(best)
    place = min(range(len(states)), key=costs.__getitem__)
    path = []
    for best in reversed(came_from):
        path.append(states[place])
        place = best[place]
    return path[::-1]


def _change_cost(old: Score, new: Score) -> float:
    if old == new:
        return 0.0
    return _GOAL if (new[0] - old[0], new[1] - old[1]) in ((1, 0), (0, 1)) else _UNUSUAL
