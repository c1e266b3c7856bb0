"""A whole match, frame by frame: two halves, and everything between the whistles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from touchline.simulator import laws, restarts, warm_up
from touchline.simulator.formation import SHAPES, kick_off_stand
from touchline.simulator.intentions import intend
from touchline.simulator.open_play import step_open
from touchline.simulator.pitch import BOARD_GAP_M, HALF_LENGTH_M, HALF_WIDTH_M
from touchline.simulator.shooting import catch_in_net
from touchline.simulator.state import Phase, State
from touchline.simulator.tempo import DENSE_BELOW_S, Tempo, tempo_for
from touchline.simulator.world import AWAY, FPS, HOME, members

LEAD_IN_S = 2
TAIL_S = 2
BREAK_S = 10
BREAK_CUT_S = (4.0, 7.5)
"""During the break the picture shows the stand between these seconds; unseen, the sides change ends."""
SHORTEST_WITH_BREAK_S = 40


@dataclass(frozen=True, slots=True)
class Timetable:
    """Frames at which the referee whistles: (kick-off may be taken, half ends) of each half."""

    frames: int
    halves: tuple[tuple[int, int], ...]


def timetable_for(seconds: int) -> Timetable:
    """Split a recording of `seconds` into halves; a very short one has only the first."""
    lead, tail = LEAD_IN_S * FPS, TAIL_S * FPS
    if seconds >= DENSE_BELOW_S:
        lead = (warm_up.SHOOTS_S + warm_up.GATHERS_S) * FPS
    frames = seconds * FPS
    if seconds < SHORTEST_WITH_BREAK_S:
        return Timetable(frames, ((lead, frames - tail),))
    half = (frames - lead - tail - BREAK_S * FPS) // 2
    return Timetable(frames, ((lead, lead + half), (frames - tail - half, frames - tail)))


def play_match(seconds: int, seed: int, tempo: Tempo | None = None) -> Iterator[State]:
    """Yield the state of the match once per frame, always the same object, `seconds` * 25 times.

    The same seconds, seed and tempo give the same match.
    """
    rng = np.random.default_rng([seed, 1])
    shapes = tuple(str(name) for name in rng.choice(list(SHAPES), 2))
    state = State(rng=rng, tempo=tempo or tempo_for(seconds), shapes=(shapes[0], shapes[1]))
    timetable = timetable_for(seconds)
    state.changes_due = laws.plan_changes(state, timetable.halves[-1])
    _line_up(state, 1, timetable)
    if seconds >= DENSE_BELOW_S:
        warm_up.begin(state)
    for frame in range(timetable.frames):
        state.frame = frame
        _keep_time(state, timetable)
        targets, speeds = intend(state)
        state.world.move(targets, speeds)
        if state.phase is Phase.WARM_UP:
            warm_up.step_warm_up(state, timetable.halves[0][0])
        else:
            _STEPS[state.phase](state)
        _stop_at_boards(state)
        yield state


def _keep_time(state: State, timetable: Timetable) -> None:
    """Whistle for the end of a half, and line up for the next while the picture is elsewhere."""
    if state.phase is Phase.PAUSE:
        if state.half < len(timetable.halves) and state.frame == state.resume_at:
            _line_up(state, state.half + 1, timetable)
        return
    if state.frame < state.half_ends or (state.shot is not None and state.frame < state.half_ends + 2 * FPS):
        return
    state.sound("long whistle")
    state.phase, state.owner, state.receiver, state.restart, state.shot = Phase.PAUSE, None, None, None, None
    state.in_hands, state.flagged = False, None
    state.half_ends = state.frame
    state.resume_at = timetable.halves[0][1] + round(FPS * sum(BREAK_CUT_S) / 2)


def _line_up(state: State, half: int, timetable: Timetable) -> None:
    """Put everybody where a half begins."""
    state.half = half
    state.half_ends = timetable.halves[half - 1][1]
    world = state.world
    kicking = HOME if half == 1 else AWAY
    for team in (HOME, AWAY):
        world.position[members(team)] = kick_off_stand(state.shapes[team], state.attack(team), team == kicking)
    world.position[22:] = [(0.0, 6.5), (10.0, -HALF_WIDTH_M - 0.8), (-10.0, HALF_WIDTH_M + 0.8)]
    world.velocity[:] = 0.0
    world.dive[:] = 0.0
    world.ball.place(0.0, 0.0)
    restarts.begin(state, "Kick-off", 0.0, 0.0, kicking)
    if state.restart is not None:
        world.position[:22] = state.restart.places
        state.restart.ball_down = True
        state.restart.earliest = timetable.halves[half - 1][0]
        state.restart.latest = state.restart.earliest
    state.plan_next_shot()


def _celebrate(state: State) -> None:
    """Let the ball come to rest in the net; then everybody back for the kick-off."""
    state.world.ball.step()
    catch_in_net(state)
    if state.frame >= state.resume_at and state.scorer is not None:
        conceding = AWAY if state.scorer < 11 else HOME
        state.scorer = None
        restarts.begin(state, "Kick-off", 0.0, 0.0, conceding)


def _wait(state: State) -> None:
    laws.change_players(state)
    laws.play_scenes(state)
    restarts.step_restart(state)


def _pause(state: State) -> None:
    state.world.ball.step()


def _stop_at_boards(state: State) -> None:
    """Nothing flies through the advertising boards; over them it is lost and lies still."""
    ball = state.world.ball
    if state.phase is Phase.CELEBRATION:
        return
    for axis, limit in (("x", HALF_LENGTH_M + BOARD_GAP_M), ("y", HALF_WIDTH_M + BOARD_GAP_M - 0.2)):
        value = getattr(ball, axis)
        if abs(value) > limit and ball.z < 1.0:
            setattr(ball, axis, limit if value > 0 else -limit)
            ball.vx, ball.vy = ball.vx * -0.2, ball.vy * -0.2


_STEPS = {
    Phase.OPEN: step_open,
    Phase.DEAD: _wait,
    Phase.CELEBRATION: _celebrate,
    Phase.PAUSE: _pause,
}
