"""Which spottings become the actions of a match, and which are shown beside them as candidates?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from touchline.domain.action import Action, Candidate, Spotting
from touchline.domain.review import Decision, Judged, Place
from touchline.spotting.candidates import rank_candidates
from touchline.spotting.fusion import Evidence, Weighed, fusion_table, weigh
from touchline.spotting.scoreboard import ScoreChange
from touchline.spotting.shots import (
    GOAL,
    Restarts,
    excluded_by,
    infer_from_restarts,
    is_shot,
    tell_from_restarts,
)
from touchline.spotting.taken import Taken
from touchline.spotting.warm_up import warm_up_end_ms

AnySpotting = TypeVar("AnySpotting", bound=Spotting)


@dataclass(frozen=True)
class Merged:
    """The actions, sorted by time, then label; the candidates, the best first."""

    actions: tuple[Action, ...]
    candidates: tuple[Candidate, ...]


def merge_spottings(
    spottings: Iterable[Spotting], evidence: Evidence, marks: Sequence[Spotting], min_confidence: float,
    decided: Sequence[Decision] = (),
) -> Merged:
    """Weigh, thin out, let the restarts correct the shots, settle what excludes each other, add what people said.

    Every mark is an action with confidence 1, and so is what was reviewed; a model's action with the same label close
    to it is the same action and gives way, and so does another outcome of the same shot. What was rejected, or changed
    into something else, is neither action nor candidate; of a mark too. The result does not depend on the order of
    `spottings`.
    """
    denied = Taken(_spotting(one.before) for one in decided if one.before)
    marked, noted = Taken(marks), [mark for mark in marks if not denied.is_near(mark)]
    reviewed = [_reviewed(one.after, is_mark=one.before is None or marked.is_near(_spotting(one.before)))
                for one in decided if one.after]
    marks = [*noted, *map(_spotting, reviewed)]
    weighed = [weigh(spotting, evidence) for spotting in spottings]
    thinned = keep_strongest(weighed)
    restarts = Restarts([*thinned, *marks], evidence.course)
    told = [tell_from_restarts(one, restarts, evidence) if is_shot(one.label) else one for one in weighed]
    spotted = Taken(one for one in told if one.confidence >= min_confidence)
    inferred = infer_from_restarts([one for one in thinned if one.confidence >= min_confidence], evidence)
    pool = [one for one in (*told, *(one for one in inferred if not spotted.is_near(one))) if not denied.is_near(one)]
    settled = settle(pool, evidence, marks, min_confidence, warm_up_end_ms(thinned, evidence.course))
    actions = [*reviewed, *(Action(mark.match_ms, mark.label, 1.0, "mark") for mark in noted)]
    actions += [Action(one.match_ms, one.label, one.confidence, one.source, one.evidence, one.away_share)
                for one in settled.accepted]
    in_time = sorted(set(actions), key=lambda action: (action.match_ms, action.label))
    return Merged(tuple(in_time), rank_candidates(settled.refused, [*settled.accepted, *marks]))


def _spotting(one: Place | Action) -> Spotting:
    return Spotting(one.match_ms, one.label, 1.0)


def _reviewed(after: Judged, *, is_mark: bool) -> Action:
    """What a person added is a mark as those of the file are; what was one stays one."""
    return Action(after.match_ms, after.label, 1.0, "mark" if is_mark else "review", team=after.team)


def keep_strongest(spottings: Iterable[AnySpotting]) -> list[AnySpotting]:
    """Non-maximum suppression per label: the strongest first, none closer to it than the label's `alone_ms`."""
    kept, taken = list[AnySpotting](), Taken()
    for spotting in sorted(spottings, key=lambda item: (-item.confidence, item.match_ms, item.label, item.away_share)):
        if not taken.is_near(spotting):
            taken.add(spotting)
            kept.append(spotting)
    return sorted(kept, key=lambda item: (item.match_ms, item.label))


@dataclass
class Settled:
    """What was accepted up to now, and what was refused, with the reason where there is one."""

    accepted: list[Weighed] = field(default_factory=list)
    refused: list[Weighed] = field(default_factory=list)


def settle(spottings: Iterable[Weighed], evidence: Evidence, marks: Sequence[Spotting],
           min_confidence: float, begin_ms: int = 0) -> Settled:
    """Take the strongest first, and of the rest what contradicts neither them nor a mark.

    Two of a label within its `alone_ms` are one action; one shot has one outcome; one change of the score is one goal;
    before `begin_ms` is no match.
    """
    settled, taken, changes = Settled(), Taken(marks), set[ScoreChange | None]()
    changes.update(evidence.shown_goal(mark.match_ms) for mark in marks if mark.label == GOAL)
    for one in sorted(spottings, key=_surest_first):
        if one.confidence < min_confidence:
            settled.refused.append(one)
        elif taken.is_near(one):
            continue
        elif one.match_ms < begin_ms:
            settled.refused.append(one.because("before", "the first kick-off"))
        elif reason := _reason_against(one, taken, evidence, changes):
            settled.refused.append(one.because(*reason))
        else:
            settled.accepted.append(one)
            taken.add(one)
            if one.label == GOAL:
                changes.add(evidence.shown_goal(one.match_ms))
    return settled


def _surest_first(one: Weighed) -> tuple[object, ...]:
    return -one.confidence, one.match_ms, one.label, one.source, one.evidence, one.away_share


def _reason_against(one: Weighed, taken: Taken, evidence: Evidence,
                    changes: set[ScoreChange | None]) -> tuple[str, str] | None:
    """Why a spotting that is sure enough is not an action, as a piece of its evidence."""
    within_ms = fusion_table()["shot"]["within_ms"]
    for other in excluded_by(one.label):
        if taken.distance_ms(other, one.match_ms) <= within_ms:
            return "instead", other
    change = evidence.shown_goal(one.match_ms) if one.label == GOAL else None
    return ("score_adds_up", "the score went up once, for a surer goal") if change and change in changes else None
