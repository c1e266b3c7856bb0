"""Playing and filming together: what the simulate step needs, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from touchline.simulator.camera import Camera, CameraCrew, rig_for
from touchline.simulator.look import Look, look_for
from touchline.simulator.match import BREAK_CUT_S, play_match, timetable_for
from touchline.simulator.picture import Painter
from touchline.simulator.pitch import HALF_LENGTH_M, bound
from touchline.simulator.sight import Seen, see
from touchline.simulator.stadium import Picture
from touchline.simulator.state import Event, Noise, Phase, State
from touchline.simulator.venue import Venue, venue_for
from touchline.simulator.world import FPS, Array


@dataclass(frozen=True, slots=True)
class Score:
    """A match played through without a camera: events in order, noises, tension per frame, (start, end) of halves."""

    events: tuple[Event, ...]
    noises: tuple[Noise, ...]
    tension: Array
    halves: tuple[tuple[int, int], ...]


class Chronicle:
    """What is written down while a match is played: what the crowd feels at every frame, and when the halves end."""

    def __init__(self, seconds: int) -> None:
        self._tension = np.zeros(seconds * FPS)
        self._ends: dict[int, int] = {}
        self._level = 0.0

    def note(self, state: State) -> None:
        """Call once per frame. Tension rises fast and falls slowly."""
        wanted = _tension(state)
        self._level += (wanted - self._level) * (0.10 if wanted > self._level else 0.02)
        self._tension[state.frame] = self._level
        self._ends[state.half] = state.half_ends

    def score(self, state: State) -> Score:
        """What happened, from the last state of the match."""
        events = tuple(sorted(state.events, key=lambda event: event.frame))
        starts: dict[int, int] = {}
        for event in events:
            if event.label == "Kick-off":
                starts.setdefault(event.half, event.frame)
        halves = tuple((starts[half], self._ends[half]) for half in sorted(starts))
        return Score(events, tuple(state.noises), self._tension, halves)


def score_match(seconds: int, seed: int) -> Score:
    """Play the match once to learn what happens in it."""
    chronicle = Chronicle(seconds)
    for state in play_match(seconds, seed):
        chronicle.note(state)
    return chronicle.score(state)


def _tension(state: State) -> float:
    """The nearer the ball to a goal, the more the crowd expects."""
    if state.phase is not Phase.OPEN:
        return 0.1
    away = HALF_LENGTH_M - abs(state.world.ball.x)
    return bound(1.1 - away / 35, 0.1, 1.0)


def film_match(seconds: int, seed: int, kind: str, width: int, height: int) -> Iterator[
        tuple[Picture, Seen, CameraCrew]]:
    """Film the match with a camera of this kind.

    Yield every frame's picture (reused: copy it to keep it), what it shows, and the crew, which knows the cuts.
    """
    look: Look = look_for(seed)
    rig = rig_for(kind, look, seed)
    venue = venue_for(kind, rig, seed)
    painter = Painter(look, venue, seed, width, height)
    crew = CameraCrew(rig, seed, width, height, break_cut_for(seconds))
    cheering_until = -1
    for state in play_match(seconds, seed):
        camera = crew.film(state)
        _move_bystanders(venue, state)
        if state.phase is Phase.CELEBRATION:
            cheering_until = state.frame + FPS
        picture, seen = painter.paint(crew.world, camera, state.frame, state.frame <= cheering_until)
        yield picture, seen, crew


def watch_match(seconds: int, seed: int, kind: str, width: int, height: int, every: int) -> Iterator[
        tuple[State, Camera, Seen, CameraCrew]]:
    """The same match without pictures: what each `every`th frame of it would show, some thousand times faster."""
    rig = rig_for(kind, look_for(seed), seed)
    venue = venue_for(kind, rig, seed)
    crew = CameraCrew(rig, seed, width, height, break_cut_for(seconds))
    for state in play_match(seconds, seed):
        camera = crew.film(state)
        _move_bystanders(venue, state)
        if state.frame % every == 0:
            yield state, camera, see(crew.world, venue.bystanders, camera), crew


def _move_bystanders(venue: Venue, state: State) -> None:
    if venue.bystanders:
        venue.bystanders.move(state.frame, state.world.ball.x, state.world.ball.y)


def break_cut_for(seconds: int) -> tuple[int, int]:
    """First and last frame (exclusive) of the cut to the stand at half-time; (-1, -1) without a break."""
    halves = timetable_for(seconds).halves
    if len(halves) < 2:
        return -1, -1
    whistle = halves[0][1]
    return whistle + round(BREAK_CUT_S[0] * FPS), whistle + round(BREAK_CUT_S[1] * FPS)
