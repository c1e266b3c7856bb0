"""What happened, when, and how sure are we? A spotting is a prediction, an action an accepted one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spotting:
    """One prediction: label, match time, confidence 0…1, and which team acts.

    `away_share` 0…1 is how sure we are that it is the team in the shirts called away; 0.5 where nothing is known.
    """

    match_ms: int
    label: str
    confidence: float
    away_share: float = 0.5


@dataclass(frozen=True)
class Action:
    """One accepted spotting on the match timeline.

    `source` is "model" (spotter and scan), "pattern" (inferred from a restart) or "mark" (the coach
    noted it; confidence 1). `confidence` has three decimals.
    """

    match_ms: int
    label: str
    confidence: float
    source: str = "model"
