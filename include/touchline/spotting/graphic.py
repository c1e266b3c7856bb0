"""Where in the picture is the graphic with clock and score? Around the text that counts as a clock does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from touchline.domain.seen_text import SeenText
from touchline.spotting.scoreboard import LEAST_READINGS, Reading, find_periods, read_texts

SAME_PLACE = 0.5
"""Two texts stand in the same place when their middles lie less than this many heights of a line apart."""
NEAR = 5.0
"""Names and goals stand beside the clock: the next text of the graphic is at most this many heights away …"""
ROWS = 1.2
"""… and its middle at most this many heights above or below."""
MARGIN = 0.6
"""So many heights are looked at around the texts: names change their length."""


@dataclass(frozen=True, slots=True)
class Look:
    """The texts of one whole picture."""

    match_ms: int
    texts: Sequence[SeenText]


Window = tuple[float, float, float, float]
"""x1, y1, x2, y2 as fractions of the picture."""


def find_graphic(looks: Sequence[Look]) -> Window | None:
    """The window that holds clock and score, or None where no clock runs in a fixed place."""
    clocks = [(look, text) for look in looks for text in look.texts if read_texts(0, [text.text]).clock_s is not None]
    best: list[tuple[Look, SeenText]] = []
    for _, clock in clocks:
        there = [(look, text) for look, text in clocks if _same_place(text, clock)]
        running = sum(period.readings for period in find_periods(
            [Reading(look.match_ms, read_texts(0, [text.text]).clock_s, None) for look, text in there]))
        if running >= max(LEAST_READINGS, len(best) + 1):
            best = there
    if not best:
        return None
    boxes = [box for look, clock in best for box in (clock, *_beside(clock, look.texts))]
    margin = MARGIN * max(clock.height for _, clock in best)
    return (max(0.0, min(box.x1 for box in boxes) - margin), max(0.0, min(box.y1 for box in boxes) - margin),
            min(1.0, max(box.x2 for box in boxes) + margin), min(1.0, max(box.y2 for box in boxes) + margin))


def _same_place(one: SeenText, other: SeenText) -> bool:
    reach = SAME_PLACE * max(one.height, other.height)
    return abs(one.x1 + one.x2 - other.x1 - other.x2) / 2 < 2 * reach and abs(one.y1 + one.y2 - other.y1
                                                                           - other.y2) / 2 < reach


def _beside(clock: SeenText, texts: Sequence[SeenText]) -> Iterator[SeenText]:
    """Texts in a chain of neighbours that begins at the clock, in its row or the next one."""
    left = [text for text in texts if text is not clock and text.height < 2 * clock.height]
    chain = [clock]
    while chain:
        last = chain.pop()
        near = [text for text in left if _is_near(last, text, clock)]
        left = [text for text in left if text not in near]
        chain += near
        yield from near


def _is_near(one: SeenText, other: SeenText, clock: SeenText) -> bool:
    gap = max(one.x1, other.x1) - min(one.x2, other.x2)
    rows = abs(other.y1 + other.y2 - clock.y1 - clock.y2) / 2
    return gap < NEAR * clock.height and rows < ROWS * clock.height
