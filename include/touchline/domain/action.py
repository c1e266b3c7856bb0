"""What happened, when, and how sure are we? A spotting is a prediction, an action an accepted one."""

from __future__ import annotations

from dataclasses import dataclass

Evidence = tuple[tuple[str, float | str], ...]
"""What moved a confidence: names with what each added to the log-odds, or with a reason in words.

"spotter" alone is the share 0…1 that all began with.
"""


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

    `source` is "model" (spotter and scan), "pattern" (inferred from a restart), "mark" (a person noted it) or "review"
    (a person looked at it); confidence 1 for these two. `confidence` has three decimals. `away_share` is that of a
    spotting; `team` is "home" or "away" where a person said so.
    """

    match_ms: int
    label: str
    confidence: float
    source: str = "model"
    evidence: Evidence = ()
    away_share: float = 0.5
    team: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A place where a spotting was not accepted; a person may know better.

    `label`, `confidence`, `source`, `evidence` and `away_share` are those of the strongest spotting there, as of an
    action; `others` are the other labels at the same place with their confidences and match_ms, the strongest first.
    """

    match_ms: int
    label: str
    confidence: float
    source: str
    evidence: Evidence
    others: tuple[tuple[str, float, int], ...] = ()
    away_share: float = 0.5
