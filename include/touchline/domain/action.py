"""What happened, when, and how sure are we? A spotting is a prediction, an action an accepted one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spotting:
    """One prediction: label, match time, confidence 0…1."""

    match_ms: int
    label: str
    confidence: float


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
