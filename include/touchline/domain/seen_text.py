"""Which text stands where in a picture?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeenText:
    """One line of text; corners as fractions of the picture, 0…1 from the top left; what it says is data, not ours."""

    text: str
    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def height(self) -> float:  # noqa: D102
        return self.y2 - self.y1
