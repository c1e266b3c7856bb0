"""Why is an action believed, in words that a coach reads?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from touchline.domain.text import shown

BEGINNINGS = {"spotter": "spotter alone", "pattern": "restart alone"}
WORDS = {
    "surge": "the crowd got louder",
    "whistle": "a whistle",
    "keeper": "a goalkeeper in the picture",
    "few_players": "few people in the picture",
    "score": "the score went up",
    "score_stays": "the score stayed as it was",
    "kick_off_after": "kick-off after it",
    "corner_after": "corner after it",
    "goal_kick_after": "goal kick after it",
    "play_on": "play went on",
    "no_kick_off": "no kick-off after it",
    "no_surge": "the crowd stayed quiet",
}
REASONS = {
    "after": "{}",
    "instead": "the same shot is taken as “{}”",
    "score_adds_up": "{}",
    "before": "before {}",
}


@dataclass(frozen=True)
class EvidenceView:
    """How sure the first look was, what spoke for it and against it, the strongest first, and other reasons."""

    beginning: str
    speaks_for: str
    speaks_against: str
    reasons: str


def evidence_view(evidence: Mapping[str, Any]) -> EvidenceView:
    """The evidence of an action as `actions.json` holds it; a name without words is shown as it is."""
    numbers = [(name, value) for name, value in evidence.items() if isinstance(value, int | float)]
    begun = [f"{BEGINNINGS[name]} {value:.0%}" for name, value in numbers if name in BEGINNINGS]
    moves = sorted(((name, value) for name, value in numbers if name not in BEGINNINGS),
                   key=lambda one: (-abs(one[1]), one[0]))
    reasons = [REASONS.get(name, "{}").format(shown(str(value)))
               for name, value in evidence.items() if not isinstance(value, int | float)]
    return EvidenceView(
        ", ".join(begun),
        ", ".join(_words(name) for name, value in moves if value > 0),
        ", ".join(_words(name) for name, value in moves if value < 0),
        ", ".join(reasons),
    )


def _words(name: str) -> str:
    return WORDS.get(name) or shown(name)
