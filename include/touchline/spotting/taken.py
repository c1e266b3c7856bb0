"""Which moments are taken, label by label, and how far is the nearest?"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from math import inf

from touchline.domain.action import Spotting
from touchline.spotting.fusion import alone_ms


class Taken:
    """Moments by label; every question takes the time of a search in a sorted list."""

    def __init__(self, spottings: Iterable[Spotting] = ()) -> None:
        self._times: dict[str, list[int]] = {}
        for one in spottings:
            self.add(one)

    def add(self, one: Spotting) -> None:
        """Take the moment of a spotting."""
        insort(self._times.setdefault(one.label, []), one.match_ms)

    def distance_ms(self, label: str, match_ms: int) -> float:
        """How far the nearest moment of this label is; infinite where there is none."""
        times = self._times.get(label, [])
        place = bisect_left(times, match_ms)
        return min((abs(time - match_ms) for time in times[max(0, place - 1) : place + 1]), default=inf)

    def is_near(self, one: Spotting) -> bool:
        """Whether the same action is there already: the same label within its `alone_ms`."""
        return self.distance_ms(one.label, one.match_ms) < alone_ms(one.label)
