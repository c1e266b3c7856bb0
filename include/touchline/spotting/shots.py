"""What became of a shot? Its restart tells, and of several answers only one can be right.

SoccerNet's truth gives one shot one label or two: "Shots off target" alone; "Shots on target" alone or, within
`[shot] within_ms`, with "Goal" or "Save". What excludes what is a row of `fusion.toml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from touchline.domain.action import Spotting
from touchline.spotting.fusion import Course, Evidence, Weighed, alone_ms, begin, fusion_table
from touchline.spotting.taken import Taken

GOAL, SAVE = "Goal", "Save"


def is_shot(label: str) -> bool:
    """Whether a label says what became of a shot."""
    return label in fusion_table()["shot"]["labels"]


@cache
def excluded_by(label: str) -> tuple[str, ...]:
    """The labels that a shot of this label cannot carry as well."""
    pairs = [pair for pair in fusion_table()["shot"]["excludes"] if label in pair]
    return tuple(one for pair in pairs for one in pair if one != label)


class Restarts:
    """The restarts of a match: how surely is which of them the first after a moment?"""

    def __init__(self, found: Iterable[Spotting], course: Course) -> None:
        self._rules = fusion_table()["restarts"]
        names: Mapping[str, str] = self._rules["names"]
        self._found = sorted(
            (one.match_ms, names[one.label], one.confidence) for one in found
             if one.label in names and one.confidence >= self._rules["least"]
             and not _begins_half(one, course))
        self._course = course
        self.are_seen = bool(self._found)
        """Whether there are any: where not one was spotted in a match, that none follows says nothing."""

    def after(self, match_ms: int) -> dict[str, float]:
        """The chance of each restart that it is the first after a shot, and of "play_on" that there is none soon."""
        rules = self._rules
        near = [one for one in self._found if rules["from_ms"] <= one[0] - match_ms <= rules["to_ms"]]
        answer = dict.fromkeys(rules["names"].values(), 0.0)
        none_yet = none_soon = 1.0
        for at_ms, name, confidence in near:
            answer[name] += none_yet * confidence
            none_yet *= 1 - confidence
            if at_ms - match_ms <= rules["play_on_ms"]:
                none_soon = none_yet
        if self.are_seen and self._course.plays_on(match_ms, rules["play_on_ms"]):
            answer["play_on"] = none_soon
        return answer


def tell_from_restarts(shot: Weighed, restarts: Restarts, evidence: Evidence) -> Weighed:
    """Weigh what came after a shot; a goal is doubted as far as nothing at least half bears it out.

    Where no kick-off can be expected, or nothing can be heard, its absence does not count.
    """
    after = restarts.after(shot.match_ms)
    if shot.label != GOAL:
        return shot.moved(after)
    seen = evidence.at(shot.match_ms)
    doubt = max(0.0, 1 - 2 * max(seen["surge"], seen["score"], after["kick_off_after"]))
    is_due = restarts.are_seen and evidence.course.plays_on(shot.match_ms, fusion_table()["restarts"]["to_ms"])
    return shot.moved({**after, "no_kick_off": doubt * is_due, "no_surge": doubt * evidence.is_heard})


def infer_from_restarts(accepted: Sequence[Weighed], evidence: Evidence) -> list[Weighed]:
    """What a restart tells of the shot before it: a shot and then a kick-off was a goal.

    The score in the picture is weighed; the sound was already, for the shot.
    """
    inferred: list[Weighed] = []
    for pattern in _patterns():
        for restart in accepted:
            found = _inferred(pattern, restart, accepted, evidence) if restart.label == pattern.restart else None
            if found and not Taken(inferred).is_near(found):
                inferred.append(found)
    return inferred


@dataclass(frozen=True)
class _Pattern:
    """One row of the table: a shot of these labels and this restart, so far apart, were something else."""

    shot: Sequence[str]
    restart: str
    from_ms: int
    to_ms: int
    gives: str
    factor: float


@cache
def _patterns() -> tuple[_Pattern, ...]:
    return tuple(_Pattern(**row) for row in fusion_table()["patterns"])


def _inferred(pattern: _Pattern, restart: Weighed, accepted: Sequence[Weighed], evidence: Evidence) -> Weighed | None:
    if _begins_half(restart, evidence.course):
        return None
    shots = [item for item in accepted
             if item.label in pattern.shot and pattern.from_ms <= restart.match_ms - item.match_ms <= pattern.to_ms]
    if not shots:
        return None
    shot = max(shots, key=lambda item: (item.match_ms, item.confidence, item.label))
    if any(item.label == pattern.gives and shot.match_ms - alone_ms(pattern.gives) < item.match_ms < restart.match_ms
           for item in accepted):
        return None
    confidence = min(shot.confidence, restart.confidence) * pattern.factor
    told = begin(Spotting(shot.match_ms, pattern.gives, confidence, _away_share(shot, pattern.gives)), "pattern")
    seen = evidence.at(shot.match_ms)
    moved = told.moved({name: seen[name] for name in ("score", "score_stays")})
    return moved.because("after", f"{shot.label}, then {restart.label}")


def _away_share(shot: Spotting, gives: str) -> float:
    """Which team acts in what became of a shot: in a save the keeper's, else the one that shoots."""
    return shot.away_share if (shot.label == SAVE) == (gives == SAVE) else round(1 - shot.away_share, 3)


def _begins_half(restart: Spotting, course: Course) -> bool:
    """A half's own kick-off says nothing of the last shot of the half before it."""
    return restart.label == "Kick-off" and course.begins_half(restart.match_ms, fusion_table()["restarts"]["half_ms"])
