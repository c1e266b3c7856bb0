"""Where does each half's timeline carry its marks? Places in percent of the width, for the report's drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from touchline.domain.half import Half, halves_from_kick_offs
from touchline.reels.rules import ClipRules

LANES = 4
_TICKS_S = (5, 10, 30, 60, 120, 300, 600, 900)
_MOST_TICKS = 10
_TITLES = ("First half", "Second half", "Extra time, first half", "Extra time, second half", "Penalty shoot-out")

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Tick:
    """A line of the scale, with its time since the kick-off."""

    x: float
    text: str


@dataclass(frozen=True)
class Mark:
    """One action: a dot in the lane of its label."""

    x: float
    lane: int
    colour: str
    label: str
    text: str
    match_ms: int


@dataclass(frozen=True)
class Band:
    """The stretch of one clip of a `reel`; `row` is the number of that reel."""

    x: float
    width: float
    reel: str
    row: int


@dataclass(frozen=True)
class HalfView:
    """One half: from where to where on the match timeline (ms), and what is drawn on it."""

    number: int
    title: str
    start_ms: int
    end_ms: int
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    bands: tuple[Band, ...]


def half_views(match: Plain, actions: Sequence[Plain], reels: Sequence[Plain], rules: ClipRules) -> list[HalfView]:
    """One view per half; the first also shows what was filmed before its kick-off."""
    halves = halves_from_kick_offs(tuple(match["kick_offs_ms"]))
    ends = [half.start_ms for half in halves[1:]] + [match["duration_ms"]]
    return [
        _view(half, 0 if half.number == 1 else half.start_ms, end, (match, actions, reels, rules))
        for half, end in zip(halves, ends, strict=True)
    ]


def _view(
    half: Half, start_ms: int, end_ms: int, shown: tuple[Plain, Sequence[Plain], Sequence[Plain], ClipRules]
) -> HalfView:
    match, actions, reels, rules = shown
    length_ms = max(1, end_ms - start_ms)

    def place(match_ms: int) -> float:
        return round(100 * min(max(match_ms - start_ms, 0), length_ms) / length_ms, 3)

    marks = [_mark(action, place(action["match_ms"]), rules) for action in actions if action["half"] == half.number]
    bands = [
        Band(place(clip["start_ms"]), round(place(clip["end_ms"]) - place(clip["start_ms"]), 3), reel["name"], row)
        for row, reel in enumerate(reels)
        for clip in reel["clips"]
        if clip["start_ms"] < end_ms and clip["end_ms"] > start_ms
    ]
    ticks = [Tick(place(half.start_ms + at_ms), _clock(at_ms)) for at_ms in _tick_times(end_ms - half.start_ms)]
    title = _title(half.number) if match["kick_offs_ms"] else "Match"
    return HalfView(half.number, title, start_ms, end_ms, tuple(ticks), tuple(marks), tuple(bands))


def _mark(action: Plain, x: float, rules: ClipRules) -> Mark:
    rule = rules.of(action["label"])
    text = f"{_clock(action['position_ms'])} {action['label']}, {action['confidence']:.0%}"
    return Mark(x, min(rule.lane, LANES) - 1, rule.colour, action["label"], text, action["match_ms"])


def _tick_times(length_ms: int) -> range:
    """Milliseconds since the kick-off, at a round distance that gives at most ten."""
    every_s = next((every for every in _TICKS_S if length_ms / 1000 / every <= _MOST_TICKS), _TICKS_S[-1])
    return range(0, max(1, length_ms), every_s * 1000)


def _title(number: int) -> str:
    return _TITLES[number - 1] if number <= len(_TITLES) else f"Half {number}"


def _clock(ms: int) -> str:
    return f"{ms // 60_000:02d}:{ms // 1000 % 60:02d}"
