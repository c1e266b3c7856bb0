"""What did people decide about the actions of a match? Reviews are events; what is in force follows from them.

A review names an action by its label and match time, as it was shown when somebody looked at it. So it holds whatever
is found again later, by other models too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from touchline.domain.label import LABELS
from touchline.domain.text import control_in

TEAMS = ("home", "away")
MOST_OF_A_PLAYER = 60
_LONGEST_MS = 24 * 3_600_000
_MOST_OF_A_NAME = 200
_MOST_OF_AN_ID = 64


@dataclass(frozen=True)
class Place:
    """The action that a review is about: its label, and when it was shown to happen."""

    match_ms: int
    label: str


@dataclass(frozen=True)
class Judged:
    """What it is, says the reviewer; `team` is "home" or "away", None where nothing is said."""

    match_ms: int
    label: str
    team: str | None = None
    player: str | None = None

    @property
    def place(self) -> Place:
        """Where it stands from now on."""
        return Place(self.match_ms, self.label)


@dataclass(frozen=True)
class Review:
    """One decision of one person.

    `before` is None where nothing was shown: an action was added. `after` is None where it is none: it was rejected.
    With `undoes`, the id of an earlier review of the match, that one no longer counts, and both are None.
    """

    review_id: str
    at_ms: int
    who: str
    before: Place | None = None
    after: Judged | None = None
    undoes: str | None = None

    @property
    def what(self) -> str:
        """"undo", "add", "reject", "accept" or "change"."""
        if self.undoes:
            return "undo"
        if self.before is None:
            return "add"
        if self.after is None:
            return "reject"
        return "accept" if self.after.place == self.before else "change"


@dataclass(frozen=True)
class Decision:
    """What is in force for one action: what the model may have said of it, and what it is; None as in `Review`."""

    before: Place | None
    after: Judged | None


def decisions(reviews: Iterable[Review]) -> list[Decision]:
    """What reviews in order of time come to; the later of two about the same action counts.

    A review of what an earlier one changed or added goes on from that one.
    """
    found: list[Decision] = []
    for review in _in_force(list(reviews)):
        told = next((number for number, one in enumerate(found) if review.before is not None and
                     review.before in (one.before, one.after and one.after.place)), None)
        if told is None:
            found.append(Decision(review.before, review.after))
        else:
            found[told] = Decision(found[told].before, review.after)
    return [one for one in found if one.before or one.after]


def _in_force(reviews: list[Review]) -> list[Review]:
    undone: set[str] = set()
    for review in reversed(reviews):
        if review.undoes and review.review_id not in undone:
            undone.add(review.undoes)
    return [review for review in reviews if not review.undoes and review.review_id not in undone]


def review_to_plain(review: Review) -> dict[str, Any]:
    """As JSON holds it."""
    return asdict(review)


def review_from_plain(plain: Mapping[str, Any]) -> Review:
    """The inverse of `review_to_plain`, of what may come from anywhere.

    Raises:
        ValueError: a field is missing, unknown, of another type or out of its range; the message says which.
    """
    content = _exactly(plain, Review)
    before = content["before"] and Place(**_exactly(content["before"], Place))
    after = content["after"] and Judged(**_exactly(content["after"], Judged))
    review = Review(content["review_id"], content["at_ms"], content["who"], before, after, content["undoes"])
    _text(review.review_id, "review_id", _MOST_OF_AN_ID)
    _text(review.who, "who", _MOST_OF_A_NAME)
    _number(review.at_ms, "at_ms", 1 << 53)
    for place in filter(None, (before, after)):
        _number(place.match_ms, "match_ms", _LONGEST_MS)
        if place.label not in LABELS:
            raise ValueError(f"label {str(place.label)[:40]!r} is not known: use one of {', '.join(LABELS)}")
    if after and after.team is not None and after.team not in TEAMS:
        raise ValueError(f"team is \"home\", \"away\" or null, not {str(after.team)[:40]!r}")
    if after and after.player is not None:
        _text(after.player, "player", MOST_OF_A_PLAYER)
    if review.undoes is not None:
        _text(review.undoes, "undoes", _MOST_OF_AN_ID)
    if bool(review.undoes) == bool(before or after):
        raise ValueError("a review has before, after or both, or it undoes another one")
    return review


def _exactly(plain: Any, kind: type) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    if not isinstance(plain, Mapping) or set(plain) != names:
        raise ValueError(f"a {kind.__name__.lower()} has exactly the fields {', '.join(sorted(names))}")
    return dict(plain)


def _text(value: Any, name: str, most: int) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= most or control_in(value):
        raise ValueError(f"{name} is a text of 1 to {most} characters in one line")


def _number(value: Any, name: str, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{name} is a whole number from 0 to {most:,}")
