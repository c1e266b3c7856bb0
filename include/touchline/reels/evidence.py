"""Why is an action believed, in words that a coach reads?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from touchline.domain.text import shown

LEAST_SHOWN = 0.15
"""Log-odds: what moves a confidence by less than four points of a hundred is not worth a word."""
BEGINNINGS = {"spotter": "spotter alone", "pattern": "restart alone"}
WORDS = {
    "surge": "the crowd got louder",
    "whistle": "a whistle",
    "opinion": "the clip model’s opinion",
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
OPPOSITES = {"surge": "no_surge", "kick_off_after": "no_kick_off"}
REASONS = {
    "after": "{}",
    "instead": "the same shot is taken as “{}”",
    "score_adds_up": "{}",
    "before": "before {}",
}


@dataclass(frozen=True)
class EvidenceView:
    """How sure the first look was, what spoke for it and against it, the strongest first, and other reasons.

    Where nothing moved the confidence, there is no first look to compare it with.
    """

    beginning: str
    speaks_for: str
    speaks_against: str
    reasons: str


def evidence_view(evidence: Mapping[str, Any]) -> EvidenceView:
    """The evidence of an action as `actions.json` holds it; a name without words is shown as it is."""
    numbers = _netted({name: value for name, value in evidence.items() if isinstance(value, int | float)})
    moves = sorted(((name, value) for name, value in numbers if name not in BEGINNINGS and abs(value) >= LEAST_SHOWN),
                   key=lambda one: (-abs(one[1]), one[0]))
    begun = [f"{BEGINNINGS[name]} {value * 100:.0f} %" for name, value in numbers if name in BEGINNINGS and moves]
    reasons = [REASONS.get(name, "{}").format(shown(str(value)))
               for name, value in evidence.items() if not isinstance(value, int | float)]
    return EvidenceView(
        ", ".join(begun),
        ", ".join(_words(name) for name, value in moves if value > 0),
        ", ".join(_words(name) for name, value in moves if value < 0),
        ", ".join(reasons),
    )


def _netted(numbers: dict[str, float]) -> list[tuple[str, float]]:
    """Half a cheer speaks a little for a goal and a little against it: what is left of both is said."""
    for present, absent in OPPOSITES.items():
        if present in numbers and absent in numbers:
            left = numbers.pop(present) + numbers.pop(absent)
            numbers[present if left > 0 else absent] = left
    return list(numbers.items())


def _words(name: str) -> str:
    return WORDS.get(name) or shown(name)
