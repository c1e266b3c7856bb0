"""Which cuts of the match make a reel?

Each action that a reel takes becomes a stretch of match time: its pre-roll, the moment, its post-roll. A stretch never
leaves the match, stays within its half where kick-offs are known, and is split where the camera was stopped: between
two recordings of which the second does not go on from the first. Then stretches of one film that overlap, touch or
nearly touch become one clip.

Clips are named by their cut (`Clip.clip_id`), so two reels that show the same cut share one clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from touchline.domain.action import Action
from touchline.domain.clip import Clip, Reel
from touchline.domain.recording import Timeline
from touchline.reels.rules import ClipRules

_AROUND_ACTION_MS = 1000
"""A half's border never cuts nearer to the action than this: its kick-off may be noted a moment late."""


@dataclass(frozen=True)
class MatchFrame:
    """What bounds a clip: the recordings' timeline and the match time of each kick-off that is known (or none).

    `go_on`: of each recording, whether it goes on from the one before it, so that both are one film; empty: none does.
    """

    timeline: Timeline
    kick_offs_ms: tuple[int, ...] = ()
    go_on: tuple[bool, ...] = ()

    def film_of(self, recording: int) -> int:
        """The number of the recording's film, which is that of its first recording."""
        while recording and self.go_on and self.go_on[recording]:
            recording -= 1
        return recording


@dataclass(frozen=True)
class _Stretch:
    """A stretch of one film on the match timeline, with the actions that it shows."""

    film: int
    start_ms: int
    end_ms: int
    actions: tuple[Action, ...]


def plan_reel(name: str, actions: Iterable[Action], frame: MatchFrame, rules: ClipRules,
              candidates: Iterable[Action] = ()) -> Reel:
    """Choose the clips of one reel: in order of time, disjoint, each within one film.

    Every action that the reel takes lies in a clip, except one outside the match (before 0, after its end) and what a
    reel of limited length has no room for. Candidates are taken, the best first, until it is as long as it should be.
    """
    match_ms = frame.timeline.duration_ms
    taken = [action for action in actions if 0 <= action.match_ms <= match_ms
             and rules.takes(name, action.label, action.confidence, action.source)]
    more = [one for one in candidates if 0 <= one.match_ms <= match_ms and rules.fills(name, one.label, one.confidence)]
    most_ms, least_ms = rules.most_ms(name, match_ms), rules.least_ms(name, match_ms)
    kept = _fitting(taken, most_ms, frame, rules)
    for candidate in sorted(set(more), key=_ranked_by(rules)):
        longer = merge_stretches([*kept, *_stretches(candidate, frame, rules)], rules.merge_gap_ms)
        if _length_ms(kept) < least_ms and (not kept or _length_ms(longer) <= most_ms):
            kept = longer
    return Reel(name, tuple(_clip(stretch, rules) for stretch in kept))


def _fitting(actions: Sequence[Action], most_ms: float, frame: MatchFrame, rules: ClipRules) -> list[_Stretch]:
    """The merged stretches of all actions; where these are too long together, of the best ones that fit.

    A mark is never left out. An empty reel is nobody's wish: without marks the best action is in, even if it is too
    long. What lies in the clips of others takes no room.
    """
    cuts = {action: _stretches(action, frame, rules) for action in sorted(set(actions), key=_ranked_by(rules))}
    kept = merge_stretches((one for found in cuts.values() for one in found), rules.merge_gap_ms)
    if _length_ms(kept) <= most_ms:
        return kept
    kept = merge_stretches((one for action, found in cuts.items() if action.source == "mark" for one in found),
                           rules.merge_gap_ms)
    for action, found in cuts.items():
        longer = merge_stretches([*kept, *found], rules.merge_gap_ms)
        if action.source != "mark" and (not kept or _length_ms(longer) <= max(most_ms, _length_ms(kept))):
            kept = longer
    return kept


def _ranked_by(rules: ClipRules) -> Callable[[Action], tuple[object, ...]]:
    return lambda action: (-rules.rank(action.label, action.confidence), action.match_ms, action.label, action.source)


def _length_ms(stretches: Iterable[_Stretch]) -> int:
    return sum(one.end_ms - one.start_ms for one in stretches)


def merge_stretches(stretches: Iterable[_Stretch], gap_ms: int) -> list[_Stretch]:
    """Join what lies in one film with less than `gap_ms` between; sorted, disjoint, idempotent."""
    merged: list[_Stretch] = []
    for stretch in sorted(stretches, key=lambda one: (one.film, one.start_ms, one.end_ms)):
        last = merged[-1] if merged else None
        if last and last.film == stretch.film and stretch.start_ms - last.end_ms <= gap_ms:
            merged[-1] = _Stretch(
                last.film, last.start_ms, max(last.end_ms, stretch.end_ms), last.actions + stretch.actions
            )
        else:
            merged.append(stretch)
    return merged


def _stretches(action: Action, frame: MatchFrame, rules: ClipRules) -> list[_Stretch]:
    rule, timeline = rules.of(action.label), frame.timeline
    earliest, latest = _half_bounds(action.match_ms, frame)
    start = max(0, earliest, action.match_ms - rule.pre_roll_ms)
    end = min(timeline.duration_ms, latest, action.match_ms + rule.post_roll_ms)
    own = frame.film_of(timeline.locate(action.match_ms)[0])
    stretches = []
    for film, spans in groupby(timeline.spans(start, end), lambda span: frame.film_of(span.recording)):
        each = list(spans)
        begins = timeline.offset_ms(each[0].recording) + each[0].start_ms
        ends = timeline.offset_ms(each[-1].recording) + each[-1].end_ms
        if film == own or ends - begins >= rules.shortest_part_ms:
            stretches.append(_Stretch(film, begins, ends, (action,)))
    return stretches


def _half_bounds(match_ms: int, frame: MatchFrame) -> tuple[int, int]:
    """Match time between which a clip may lie: the action's half, but never nearer than a second to the action."""
    before = [start for start in frame.kick_offs_ms if start <= match_ms]
    after = [start for start in frame.kick_offs_ms if start > match_ms]
    earliest = max(before) if len(before) > 1 else 0
    latest = min(after) if before and after else frame.timeline.duration_ms
    return min(earliest, match_ms - _AROUND_ACTION_MS), max(latest, match_ms + _AROUND_ACTION_MS)


def _clip(stretch: _Stretch, rules: ClipRules) -> Clip:
    leading = leading_action(stretch.actions, rules)
    in_time = sorted(stretch.actions, key=lambda action: (action.match_ms, action.label))
    labels = tuple(dict.fromkeys(action.label for action in in_time))
    return Clip(stretch.start_ms, stretch.end_ms, leading.label, leading.confidence, labels)


def leading_action(actions: Sequence[Action], rules: ClipRules) -> Action:
    """The action that names a clip: the highest priority, then the surest, then the first."""
    return min(
        actions,
        key=lambda action: (-rules.of(action.label).priority, -action.confidence, action.match_ms, action.label),
    )
