"""The test that was made before any training: matches that nothing may learn from, and what is true in them.

The seeds are held out by construction (`simulator/held_out.py`): no other seed draws these kits, camera places, lenses
or grounds. They were chosen by what is played in them and never by what a model makes of them. `frozen_set.json` holds
the digest of each match's truth, and how much of it makes cheap signals fail. A change of the play changes the digests:
it is told in docs/accuracy.md, with the figures measured again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.results.result import digest_of
from touchline.simulator.ambience import Ambience, ambience_for, heard_noises
from touchline.simulator.camera import CameraCrew, rig_for
from touchline.simulator.film import Chronicle, Score, break_cut_for
from touchline.simulator.look import look_for
from touchline.simulator.match import play_match
from touchline.simulator.pitch import HALF_LENGTH_M
from touchline.simulator.state import Phase, State
from touchline.simulator.venue import venue_for
from touchline.simulator.world import FPS

SECONDS = 1260
TABLE = Path(__file__).with_name("frozen_set.json")
FRAME_MS = 1000 // FPS
HEARD_WITHIN_S = 5
"""A roar belongs to a goal that fell up to this long before it."""
LONG_ATTACK_S = 15
NEAR_GOAL_M = 35.0


@dataclass(frozen=True, slots=True)
class FrozenMatch:
    """A match by its seed, filmed by a camera of one kind."""

    kind: str
    seed: int


FROZEN: tuple[FrozenMatch, ...] = (
    *(FrozenMatch("broadcast", seed) for seed in (900501, 900502, 900503, 900504)),
    *(FrozenMatch("sideline", seed) for seed in (900104, 900113, 900116, 900505)),
    *(FrozenMatch("phone", seed) for seed in (900114, 900117, 900507, 900508)),
)


def row_of(match: FrozenMatch) -> dict[str, Any]:
    """What the table says of a match: digest of its truth, counts of its actions, and of what misleads."""
    look = look_for(match.seed)
    crew = CameraCrew(rig_for(match.kind, look, match.seed), match.seed, 1280, 720, break_cut_for(SECONDS))
    chronicle, attacks, views, warm_up = Chronicle(SECONDS), _Attacks(), Counter[str](), 0
    for state in play_match(SECONDS, match.seed):
        chronicle.note(state)
        attacks.note(state)
        crew.film(state)
        views[crew.view] += crew.cuts[-1:] == [state.frame]
        if state.phase is Phase.WARM_UP:
            warm_up = len(state.noises)
    score = chronicle.score(state)
    traps = {"shots in the warm-up": warm_up, "long attacks without a shot": attacks.count,
             "replays": views["replay"], "close-ups": views["close"], **_misleading(match, score)}
    actions = Counter(event.label for event in score.events)
    return {"kind": match.kind, "seed": match.seed, "truth": digest_of(truth_of(score)),
            "actions": dict(sorted(actions.items())), "traps": traps}


def truth_of(score: Score) -> list[list[Any]]:
    """The actions of a match: [milliseconds, label, team, half], in order of time."""
    return [[event.frame * FRAME_MS, event.label, event.team, event.half] for event in score.events]


def frozen_table(matches: Sequence[FrozenMatch] = FROZEN) -> list[dict[str, Any]]:
    """The rows of all matches, computed again: some minutes."""
    return [row_of(match) for match in matches]


def _misleading(match: FrozenMatch, score: Score) -> dict[str, int]:
    """What the crowd, the next pitch and those beside the pitch do."""
    ambience = ambience_for(match.kind, match.seed, SECONDS)
    heard = heard_noises(score.noises, ambience, match.seed)
    goals = [event.frame for event in score.events if event.label == "Goal"]
    shots = [event.frame for event in score.events if event.label == "Shots on target"]
    roars = [noise.frame for noise in heard if noise.kind == "roar"]
    reach = HEARD_WITHIN_S * FPS
    venue = venue_for(match.kind, rig_for(match.kind, look_for(match.seed), match.seed), match.seed)
    beside = venue.bystanders
    return {
        "goals that were disallowed": sum(event.label == "Offside" and _follows(event.frame, shots, reach)
                                          for event in score.events),
        "roars without a goal": sum(not _follows(roar, goals, reach) for roar in roars),
        "goals without a roar": sum(not any(0 <= roar - goal <= reach for roar in roars) for goal in goals),
        "whistles of the next pitch": sum(noise.kind == "whistle" for noise in ambience.others),
        "seconds of music": _seconds(ambience, "music"), "seconds of silence": _seconds(ambience, "silence"),
        "people beside the pitch": 0 if beside is None else beside.count, "other balls": 0 if beside is None else len(
            beside.balls),
    }


def _follows(frame: int, others: Sequence[int], reach: int) -> bool:
    return any(0 <= frame - other <= reach for other in others)


def _seconds(ambience: Ambience, name: str) -> int:
    return round(sum(end - start for start, end in getattr(ambience, name)) / FPS)


class _Attacks:
    """Counts attacks that last long near one goal, in open play, and end without a shot."""

    def __init__(self) -> None:
        self.count = 0
        self._since = 0
        self._side = 0

    def note(self, state: State) -> None:
        """Call once per frame."""
        ball = state.world.ball
        side = (ball.x > 0) - (ball.x < 0)
        near = state.phase is Phase.OPEN and abs(ball.x) > HALF_LENGTH_M - NEAR_GOAL_M and state.shot is None
        if near and side == self._side:
            return
        if self._side and state.shot is None and state.frame - self._since >= LONG_ATTACK_S * FPS:
            self.count += 1
        self._side, self._since = (side, state.frame) if near else (0, state.frame)
