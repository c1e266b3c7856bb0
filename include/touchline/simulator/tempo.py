"""How often things happen, and how long the ball rests: dense in short matches and true to life in long ones.

Sources of `REAL`. *Rates*: SoccerNet-v2 (Deliège et al. 2021), 110,458 actions of 500 matches; `RATES` has its means.
*Pauses*: 108 stoppages in a match of men's leagues (Siegle and Lames 2012); the ball rests for half of the match, 15 s
each time it is out of play and 27 s after a foul (Game rhythm and stoppages in soccer, 33 Spanish matches, 2011).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DENSE_BELOW_S = 600
"""Matches shorter than this are played dense."""
Span = tuple[float, float]

RATES: Mapping[str, float] = MappingProxyType({
    "Ball out of play": 63.6, "Throw-in": 37.8, "Foul": 23.3, "Indirect free-kick": 21.0, "Clearance": 15.8,
    "Shots on target": 11.6, "Shots off target": 10.5, "Corner": 9.7, "Substitution": 5.7, "Kick-off": 5.1,
    "Direct free-kick": 4.4, "Offside": 4.2, "Yellow card": 4.1, "Goal": 3.4, "Penalty": 0.35, "Red card": 0.11,
    "Yellow->red card": 0.09,
})
"""Actions of one real match, by label: the mean over SoccerNet-v2."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """Pauses in seconds (least, greatest), and how often what interrupts the play happens.

    `shot_gap_s` is the time in play before a team is eager to shoot again. `outcomes` is a bag that is drawn empty
    before it is filled again, so short matches have some of each. `rests_s`: from the whistle to each restart.
    `foul_share`: of the challenges that are won. `booked_share`, `sent_off_share`, `injured_share`: of the fouls.
    `substitutions`: of each side in a match, least and greatest.
    """

    shot_gap_s: Span
    outcomes: tuple[str, ...]
    rests_s: Mapping[str, Span]
    celebration_s: Span
    keeper_holds_s: Span
    foul_share: float
    booked_share: float
    sent_off_share: float
    injured_share: float
    substitutions: tuple[int, int]


DENSE = Tempo(
    shot_gap_s=(3.0, 9.0),
    outcomes=("goal", "goal", "held", "held", "parried", "parried", "wide", "high", "blocked"),
    rests_s=MappingProxyType({
        "Kick-off": (1.5, 1.5), "Throw-in": (2.0, 3.5), "Goal kick": (3.5, 5.0), "Corner": (4.0, 6.0),
        "Direct free-kick": (3.5, 5.0), "Indirect free-kick": (3.0, 5.0), "Penalty": (8.0, 10.0),
    }),
    celebration_s=(6.0, 8.0),
    keeper_holds_s=(1.5, 3.0),
    foul_share=0.12,
    booked_share=0.1,
    sent_off_share=0.0,
    injured_share=0.0,
    substitutions=(0, 0),
)
REAL = Tempo(
    shot_gap_s=(60.0, 330.0),
    outcomes=("goal",) * 3 + ("held",) * 5 + ("parried",) * 4 + ("wide",) * 6 + ("high",) * 4 + ("blocked",) * 4,
    rests_s=MappingProxyType({
        "Kick-off": (1.5, 8.0), "Throw-in": (4.0, 20.0), "Goal kick": (12.0, 34.0), "Corner": (17.0, 42.0),
        "Direct free-kick": (30.0, 75.0), "Indirect free-kick": (6.0, 34.0), "Penalty": (60.0, 130.0),
    }),
    celebration_s=(26.0, 46.0),
    keeper_holds_s=(2.0, 9.0),
    foul_share=0.21,
    booked_share=0.24,
    sent_off_share=0.005,
    injured_share=0.06,
    substitutions=(2, 4),
)


def tempo_for(seconds: int) -> Tempo:
    """Pick the tempo for a match that lasts `seconds`."""
    return DENSE if seconds < DENSE_BELOW_S else REAL
