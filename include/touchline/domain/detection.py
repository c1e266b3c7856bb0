"""What does the detector see in one frame?"""

from __future__ import annotations

from dataclasses import dataclass

PERSON_KINDS: tuple[str, ...] = ("player", "goalkeeper", "referee")
DETECTION_KINDS: tuple[str, ...] = (*PERSON_KINDS, "ball")


@dataclass(frozen=True)
class Detection:
    """A box in one frame; corners as fractions of the picture, 0…1 from the top left; score 0…1."""

    kind: str
    score: float
    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box (x, y)."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2
