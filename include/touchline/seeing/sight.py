"""What does a match show, step by step? People with their kits, the ball, how the camera moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP_MS = 200
SHIRTS = ("home", "away", "home keeper", "away keeper", "referee", "other")


@dataclass(frozen=True, slots=True)
class Sight:
    """What one step of 0.2 s shows. x to the right, y down, in fractions of the picture's width and height."""

    people: NDArray[np.float32]
    """[N, 4]: x1, y1, x2, y2."""
    shirts: NDArray[np.int8]
    """[N]: index of SHIRTS, -1 unknown."""
    ball: tuple[float, float] | None
    camera: tuple[float, float, float] | None
    """Pan, tilt (fractions of width, height moved by the picture's content since the step before), zoom (log2 of the
    scale); None where it could not be measured."""
    is_cut: bool
    grass: float
    """Share of the picture that is grass, 0…1."""


def keepers(sight: Sight) -> int:
    """How many people wear a keeper's shirt."""
    kept = [SHIRTS.index("home keeper"), SHIRTS.index("away keeper")]
    return int(np.isin(sight.shirts, kept).sum())
