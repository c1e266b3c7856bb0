"""Which spottings become the actions of a match?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from touchline.domain.action import Action, Spotting
from touchline.spotting.fusion import Evidence, alone_ms, fusion_table, weigh
from touchline.spotting.scoreboard import ScoreChange

GOAL = "Goal"


def merge_spottings(
    spottings: Iterable[Spotting], evidence: Evidence, marks: Sequence[Spotting], min_confidence: float
) -> tuple[Action, ...]:
    """Weigh, thin out, add what restarts tell, add the coach's marks; sorted by time, then label.

    Every mark is an action with confidence 1; a model's action with the same label close to it is the same action and
    gives way. The result does not depend on the order of `spottings`.
    """
    weighed = (weigh(spotting, evidence) for spotting in spottings)
    strong = keep_strongest(spotting for spotting in weighed if spotting.confidence >= min_confidence)
    accepted = one_goal_per_change(strong, evidence)
    inferred = [found for found in infer_from_restarts(accepted) if found.confidence >= min_confidence]
    actions = [Action(mark.match_ms, mark.label, 1.0, "mark") for mark in marks]
    for source, found in (("model", accepted), ("pattern", inferred)):
        actions += [
            Action(item.match_ms, item.label, item.confidence, source) for item in found if not _is_near(item, marks)
        ]
    return tuple(sorted(set(actions), key=lambda action: (action.match_ms, action.label)))


def keep_strongest(spottings: Iterable[Spotting]) -> list[Spotting]:
    """Non-maximum suppression per label: the strongest first, none closer to it than the label's `alone_ms`."""
    kept: list[Spotting] = []
    taken: dict[str, list[int]] = {}
    by_strength = sorted(spottings, key=lambda item: (-item.confidence, item.match_ms, item.label))
    for spotting in by_strength:
        times, reach = taken.setdefault(spotting.label, []), alone_ms(spotting.label)
        place = bisect_left(times, spotting.match_ms)
        if all(abs(time - spotting.match_ms) >= reach for time in times[max(0, place - 1) : place + 1]):
            times.insert(place, spotting.match_ms)
            kept.append(spotting)
    return sorted(kept, key=lambda item: (item.match_ms, item.label))


def one_goal_per_change(spottings: Sequence[Spotting], evidence: Evidence) -> list[Spotting]:
    """Of several goals before one change of the score only the strongest stays: the score has to add up."""
    best: dict[ScoreChange, Spotting] = {}
    surplus = set()
    for spotting in sorted(spottings, key=lambda item: (-item.confidence, item.match_ms)):
        change = evidence.shown_goal(spotting.match_ms) if spotting.label == GOAL else None
        if change and best.setdefault(change, spotting) != spotting:
            surplus.add(spotting)
    return [spotting for spotting in spottings if spotting not in surplus]


def infer_from_restarts(accepted: Sequence[Spotting]) -> list[Spotting]:
    """What a restart tells of the shot before it: a shot and then a kick-off was a goal."""
    inferred: list[Spotting] = []
    for pattern in fusion_table()["patterns"]:
        for restart in (item for item in accepted if item.label == pattern["restart"]):
            shots = [
                item
                for item in accepted
                if item.label in pattern["shot"]
                and pattern["from_ms"] <= restart.match_ms - item.match_ms <= pattern["to_ms"]
            ]
            if not shots:
                continue
            shot = max(shots, key=lambda item: item.match_ms)
            confidence = round(min(shot.confidence, restart.confidence) * pattern["factor"], 3)
            found = Spotting(shot.match_ms, pattern["gives"], confidence)
            between = [
                item
                for item in accepted
                if item.label == found.label
                and shot.match_ms - alone_ms(found.label) < item.match_ms < restart.match_ms
            ]
            if not between and not _is_near(found, inferred):
                inferred.append(found)
    return inferred


def _is_near(spotting: Spotting, others: Iterable[Spotting]) -> bool:
    reach = alone_ms(spotting.label)
    return any(other.label == spotting.label and abs(other.match_ms - spotting.match_ms) < reach for other in others)
