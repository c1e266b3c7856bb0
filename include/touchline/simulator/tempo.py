"""How often things happen: the same play, dense in short matches and true to life in long ones."""

from __future__ import annotations

from dataclasses import dataclass

DENSE_BELOW_S = 600
"""Matches shorter than this are played dense."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """Pauses in seconds and the mix of how shots end.

    `shot_gap_s` is the least and greatest time in play before a team is eager to shoot again.
    `outcomes` is a bag that is drawn empty before it is filled again, so short matches have some of each.
    """

    shot_gap_s: tuple[float, float]
    outcomes: tuple[str, ...]
    corner_s: float
    throw_s: float
    goal_kick_s: float
    free_kick_s: float
    celebration_s: float
    kick_off_s: float
    keeper_holds_s: float


DENSE = Tempo(
    shot_gap_s=(3.0, 9.0),
    outcomes=("goal", "goal", "held", "held", "parried", "parried", "wide", "high"),
    corner_s=5.0,
    throw_s=2.5,
    goal_kick_s=4.0,
    free_kick_s=4.0,
    celebration_s=7.0,
    kick_off_s=9.0,
    keeper_holds_s=2.2,
)
REAL = Tempo(
    shot_gap_s=(15.0, 115.0),
    outcomes=("goal", "held", "held", "held", "parried", "wide", "wide", "wide", "high", "high"),
    corner_s=20.0,
    throw_s=8.0,
    goal_kick_s=16.0,
    free_kick_s=18.0,
    celebration_s=25.0,
    kick_off_s=20.0,
    keeper_holds_s=5.0,
)


def tempo_for(seconds: int) -> Tempo:
    """Pick the tempo for a match that lasts `seconds`."""
    return DENSE if seconds < DENSE_BELOW_S else REAL
