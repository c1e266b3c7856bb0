"""Where is the match played: in a stadium or in a park, and who stands beside it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from touchline.simulator.bystanders import Bystanders
from touchline.simulator.camera import Rig

PARK_SHARE = 0.8
"""Of the matches that no television films."""


@dataclass(frozen=True, slots=True)
class Venue:
    """`is_park`: trees or a hedge around, no boards and no stands."""

    is_park: bool = False
    bystanders: Bystanders | None = None


def venue_for(kind: str, rig: Rig, seed: int) -> Venue:
    """Television films in stadiums, where all keep away from the pitch; tripods and phones mostly in parks."""
    if kind == "broadcast":
        return Venue()
    is_park = bool(np.random.default_rng([seed, 10]).random() < PARK_SHARE)
    return Venue(is_park, Bystanders(seed, rig.place[1] + 2.5))
