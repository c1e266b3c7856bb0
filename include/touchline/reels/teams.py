"""Which team acts, and whose goalkeeper does a reel show? In words and colours for the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from touchline.reels.rules import ClipRules

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_CLUBS = {"home": "Home", "away": "Away"}

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """A few words, with a colour "#rrggbb" to show after the first of them, or none."""

    words: str
    colour: str = ""
    rest: str = ""


def team_told(team: str | None, match: Plain, sides: Plain) -> Told | None:
    """The team of an action: its name where `match.toml` gives it, and the colour of its shirts as seen."""
    if team is None:
        return None
    name = match[team] or _CLUBS[team] if team in _CLUBS else "team in"
    return Told(str(name), _colour(sides["kits"].get(team)))


def keeper_told(reel: str, actions: Iterable[Plain], match: Plain, sides: Plain, rules: ClipRules) -> Told | None:
    """Whose goalkeeper a reel shows; None for a reel that is about everybody."""
    if not rules.reels[reel].our_keeper:
        return None
    if sides["ours"] is None:
        return Told(f"Both goalkeepers: {_why_both(match, sides)}.")
    untold = sum(rules.concerns(reel, one["label"], one["team"], sides["ours"]) is None for one in actions
                 if rules.takes(reel, one["label"], one["confidence"], one["source"]))
    rest = f", and {_counted(untold)} of which it could not be told whose goalkeeper is concerned." if untold else "."
    return Told("Your goalkeeper", _colour(match["our_keeper"]), rest)


def _why_both(match: Plain, sides: Plain) -> str:
    if not match["our_keeper"]:
        return "match.toml does not say which is yours (our_keeper)"
    if not sides["kits"]:
        return "the teams’ shirts could not be told apart"
    return "the shirts in the film do not tell which is yours; the colours of all four kits in match.toml may help"


def _counted(actions: int) -> str:
    return "1 action" if actions == 1 else f"{actions} actions"


def _colour(value: object) -> str:
    return value if isinstance(value, str) and _COLOUR.fullmatch(value) else ""
