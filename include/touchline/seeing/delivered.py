"""How much of a match could be seen? What was not there to be seen cannot count against what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median_low

from touchline.seeing.sight import Sight


@dataclass
class Delivered:
    """Counts over the steps of a match: people, and in how many steps the ball and the camera's move were known."""

    people: list[int] = field(default_factory=list)
    balls: int = 0
    moves: int = 0
    stretches: int = 0

    def add(self, sights: Iterable[Sight]) -> None:
        """Count the steps of one stretch."""
        self.stretches += 1
        for sight in sights:
            self.people.append(len(sight.people))
            self.balls += sight.ball is not None
            self.moves += sight.camera is not None

    def plain(self) -> dict[str, float]:
        """`people`: median of a step; `ball`, `camera`: shares of the steps, 0…1. A stretch's first has no move."""
        steps = len(self.people)
        return {"people": median_low(self.people) if steps else 0, "ball": _share(self.balls, steps),
                "camera": _share(self.moves, steps - self.stretches)}


def _share(count: int, of: int) -> float:
    return round(count / of, 3) if of > 0 else 0.0
