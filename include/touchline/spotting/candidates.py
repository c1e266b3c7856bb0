"""Which spottings did not become actions, but are worth a look? At most a table's number of places, ranked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from touchline.domain.action import Candidate, Spotting
from touchline.spotting.fusion import Weighed, fusion_table
from touchline.spotting.taken import Taken


def rank_candidates(refused: Iterable[Weighed], actions: Sequence[Spotting]) -> tuple[Candidate, ...]:
    """The best places of what was refused, ranked by confidence times the label's interest.

    None is the same action as one of `actions` or as a better candidate. Several labels at one place are one candidate.
    """
    rules = fusion_table()["candidates"]
    places: list[list[Weighed]] = []
    taken = Taken(actions)
    for one in sorted(refused, key=_rank):
        if taken.is_near(one):
            continue
        place = next((place for place in places if abs(place[0].match_ms - one.match_ms) < rules["place_ms"]), None)
        if place is None and len(places) == rules["most"]:
            continue
        if place is None:
            places.append([one])
        else:
            place.append(one)
        taken.add(one)
    return tuple(_candidate(place) for place in places)


def interest(label: str) -> float:
    """How much a person wants to know of this label, 0…1."""
    weights = fusion_table()["interest"]
    return float(weights.get(label, weights["*"]))


def _rank(one: Weighed) -> tuple[object, ...]:
    return -one.confidence * interest(one.label), one.match_ms, one.label, one.source, one.evidence, one.away_share


def _candidate(place: Sequence[Weighed]) -> Candidate:
    first = place[0]
    others = sorted(((one.label, one.confidence, one.match_ms) for one in place[1:]),
                    key=lambda one: (-one[1], one[0], one[2]))
    return Candidate(first.match_ms, first.label, first.confidence, first.source, first.evidence, tuple(others),
                     first.away_share)
