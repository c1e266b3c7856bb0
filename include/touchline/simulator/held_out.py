"""Which matches may no training see? Those of some seeds; and what they look like no other seed can draw."""

from __future__ import annotations

import numpy as np

FIRST_SEED = 900_000
BAND = (0.4, 0.55)
"""This part of every range of camera places, lenses and grass belongs to the held-out seeds."""


def is_held_out(seed: int) -> bool:
    """Whether this seed's match is kept for measuring: no training may use it."""
    return seed >= FIRST_SEED


def between(rng: np.random.Generator, low: float, high: float, seed: int) -> float:
    """A number between two: in the band for a held-out seed, outside of it for all others."""
    first, last = BAND
    share = float(rng.random())
    if is_held_out(seed):
        share = first + share * (last - first)
    else:
        share *= 1 - (last - first)
        share += (last - first) * (share >= first)
    return low + share * (high - low)
