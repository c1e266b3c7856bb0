"""Which numbers does the spotter read, in which order, and what do they do in a mirror or when an input is missing?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchline.seeing.sight import SHIRTS

MOST_PEOPLE = 28
INPUTS = ("people", "shirts", "ball", "camera", "grass", "sound")
"""What may be missing, each by itself."""


@dataclass(frozen=True, slots=True)
class Column:
    """One number: the inputs it comes from, and whether it changes its sign when left and right are exchanged."""

    name: str
    inputs: frozenset[str]
    is_across: bool = False


def _columns(inputs: str, *names: str) -> list[Column]:
    """Names that end in " x", are "x" or speak of a pan are across the picture."""
    return [Column(name, frozenset(inputs.split()), name.split()[-1] == "x" or name.startswith("pan"))
            for name in names]


PERSON: tuple[Column, ...] = (
    *_columns("people", "x", "y", "size", "size here", "width", "moved x", "moved y", "moved known"),
    *_columns("people shirts", *SHIRTS),
    *_columns("people ball", "ball x", "ball y", "ball near"),
)
"""Of each person."""

STEP: tuple[Column, ...] = (
    *_columns("ball", "ball x", "ball y", "ball seen", "ball lately", "ball moved x", "ball moved y", "ball moved",
              "ball moved known"),
    *_columns("ball people", "ball high", "ball alone"),
    *_columns("camera", "camera known", "pan", "tilt", "zoom", "panned 2 s", "panned 10 s", "panned 60 s", "zoomed",
              "cut", "cut lately"),
    *_columns("grass", "grass", "grass before"),
    *_columns("people", "people", "height", "people x", "people y", "people wide", "people deep", "flow x", "flow y",
              "speed"),
    *_columns("people shirts", *(f"{shirt} count" for shirt in SHIRTS), *(f"{shirt} x" for shirt in SHIRTS)),
    *_columns("sound", "heard", "loud", "louder", "surge", "whistle"),
)
"""Of each step as a whole."""


def kept_columns(columns: Sequence[Column], missing: frozenset[str]) -> NDArray[np.float32]:
    """1 for each column that needs none of the missing inputs, else 0."""
    return np.array([not (one.inputs & missing) for one in columns], np.float32)


def mirror_signs(columns: Sequence[Column]) -> NDArray[np.float32]:
    """-1 for each column that changes its sign in a mirror, else 1."""
    return np.array([-1 if one.is_across else 1 for one in columns], np.float32)


def exchanged_teams(columns: Sequence[Column]) -> NDArray[np.intp]:
    """The order of the columns when home and away are called by each other's names."""
    names = [one.name for one in columns]

    def other(name: str) -> str:
        if name.startswith("home"):
            return name.replace("home", "away", 1)
        return name.replace("away", "home", 1) if name.startswith("away") else name

    return np.array([names.index(other(name)) for name in names])
