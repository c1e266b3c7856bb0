"""Dead balls: goal kicks, corners, throw-ins, free kicks and kick-offs, from the whistle to the first touch."""

from __future__ import annotations

import math

import numpy as np

from touchline.simulator.ballistics import lofted_kick
from touchline.simulator.formation import corner_stand, kick_off_stand, stand
from touchline.simulator.passing import best_pass, cross, send
from touchline.simulator.pitch import (
    BALL_RADIUS_M,
    GOAL_AREA_DEPTH_M,
    GOAL_AREA_HALF_WIDTH_M,
    HALF_LENGTH_M,
    HALF_WIDTH_M,
    PENALTY_AREA_DEPTH_M,
    PENALTY_SPOT_M,
    TUNNEL,
    bound,
)
from touchline.simulator.shooting import PENALTY_OUTCOMES, take_shot
from touchline.simulator.state import Phase, Restart, State
from touchline.simulator.world import AWAY, HOME, KEEPERS, Array, members

FREE_KICK_SHOT_M = 27.0
PATIENCE_S = 14.0
"""So long after it could be taken a restart is taken even if somebody is not yet in his place."""
_BEHIND_M = {"Kick-off": 0.3, "Penalty": 3.0}


def begin(state: State, label: str, x: float, y: float, team: int) -> None:
    """Stop the play and send everybody to where the restart wants them."""
    wait = state.draw(state.tempo.rests_s[label])
    taker = _choose_taker(state, label, x, y, team)
    places = _places(state, label, x, y, team)
    places[taker] = _behind_ball(state, x, y, team, _BEHIND_M.get(label, 0.5))
    places[list(state.gone)] = TUNNEL
    state.restart = Restart(label, x, y, team, taker, state.at(wait), state.at(wait + PATIENCE_S), places)
    state.phase = Phase.DEAD
    state.owner, state.receiver, state.shot, state.in_hands = None, None, None, False
    state.flagged, state.offside = None, set()


def choose_another_taker(state: State) -> None:
    """The one who was to take it has left."""
    restart = state.restart
    if restart:
        restart.places[restart.taker] = TUNNEL
        restart.taker = _choose_taker(state, restart.label, restart.x, restart.y, restart.team)
        restart.places[restart.taker] = _behind_ball(state, restart.x, restart.y, restart.team,
                                                     _BEHIND_M.get(restart.label, 0.5))


def _choose_taker(state: State, label: str, x: float, y: float, team: int) -> int:
    if label == "Goal kick":
        return KEEPERS[team]
    if label == "Kick-off":
        return list(state.outfield(team))[-2]
    if label == "Penalty":
        return list(state.outfield(team))[-1]
    return state.nearest(x, y, list(state.outfield(team)))


def _behind_ball(state: State, x: float, y: float, team: int, metres: float) -> tuple[float, float]:
    """A place on the far side of the ball as seen from the goal to attack; at the lines, outside the pitch."""
    if abs(y) > HALF_WIDTH_M - 0.5:
        return x, y + math.copysign(metres * 0.8, y)
    return x - state.attack(team) * metres, y


def _places(state: State, label: str, x: float, y: float, team: int) -> Array:
    places = np.zeros((22, 2))
    for side in (HOME, AWAY):
        rows = members(side)
        attack = state.attack(side)
        if label == "Kick-off":
            places[rows] = kick_off_stand(state.shapes[side], attack, side == team)
        else:
            places[rows] = stand(state.shapes[side], attack, x, y, side == team)
        if label == "Corner":
            places[rows.start + 1 : rows.stop] = corner_stand(int(np.sign(x)), y, side == team, state.rng)
    if label.endswith("free-kick"):
        _keep_distance(places[members(1 - team)], x, y)
        _build_wall(state, places, x, y, 1 - team)
    if label == "Penalty":
        _clear_area(places, state.attack(team))
        places[KEEPERS[1 - team]] = (state.attack(team) * (HALF_LENGTH_M - 0.3), 0.0)
    if label == "Kick-off":
        places[list(state.outfield(team))[-1]] = (-state.attack(team) * 0.8, 4.0)
    return places


def _build_wall(state: State, places: Array, x: float, y: float, team: int) -> None:
    """Two to five players 9.15 m from the ball, on its way to their goal, where it is near."""
    goal = np.array([-state.attack(team) * HALF_LENGTH_M - x, -y])
    distance = float(np.hypot(*goal))
    if distance > FREE_KICK_SHOT_M + 5:
        return
    along = goal / max(distance, 1e-6)
    rows = list(state.outfield(team))[3 : 3 + (5 if abs(y) < 12 else 2)]
    for place, row in enumerate(rows):
        aside = (place - (len(rows) - 1) / 2) * 0.7
        places[row] = (x + along[0] * 9.3 - along[1] * aside, y + along[1] * 9.3 + along[0] * aside)


def _clear_area(places: Array, side: int) -> None:
    """All but two stand outside the penalty area and behind the ball, in place (Law 14)."""
    border = HALF_LENGTH_M - PENALTY_AREA_DEPTH_M - 1.5
    inside = places[:, 0] * side > border
    places[inside, 0] = side * (border - np.abs(places[inside, 1]) * 0.06)




def _keep_distance(places: Array, x: float, y: float) -> None:
    """Push opponents 9.15 m away from a free kick, in place (Law 13)."""
    away = places - (x, y)
    distance = np.maximum(0.1, np.hypot(away[:, 0], away[:, 1]))
    near = distance < 9.15
    places[near] = (x, y) + away[near] / distance[near, None] * 9.5


def step_restart(state: State) -> None:
    """Wait, put the ball down, and take the restart when everybody is ready."""
    restart = state.restart
    if restart is None:
        return
    world = state.world
    ball = world.ball
    gap = float(np.hypot(*(world.position[restart.taker] - restart.places[restart.taker])))
    if not restart.ball_down:
        ball.step()
        if gap < 2.5 or state.frame > restart.latest - 100:
            ball.place(restart.x, restart.y)
            restart.ball_down = True
        return
    if restart.label == "Throw-in":
        _hold_overhead(state, restart)
    ready = gap < 0.8 and (restart.label != "Kick-off" or _sides_ready(state, restart))
    if state.frame >= restart.earliest and (ready or state.frame >= restart.latest):
        _take(state, restart)


def _hold_overhead(state: State, restart: Restart) -> None:
    state.world.arms[restart.taker] = 1.0
    x, y = state.world.position[restart.taker]
    state.world.ball.place(float(x), float(y) - math.copysign(0.1, restart.y), 2.05)


def _sides_ready(state: State, restart: Restart) -> bool:
    gaps = state.world.position[:22] - restart.places
    gaps[list(state.gone)] = 0.0
    return bool((np.hypot(gaps[:, 0], gaps[:, 1]) < 3.0).all())


def _take(state: State, restart: Restart) -> None:
    """Play the ball and say so."""
    if restart.label == "Kick-off":
        state.sound("whistle")
    if restart.label != "Throw-in":
        state.world.ball.place(restart.x, restart.y)
        state.world.kick[restart.taker] = 1.0
    state.emit(restart.label, restart.team)
    state.phase, state.restart = Phase.OPEN, None
    state.last_touch = restart.taker
    _TAKES[restart.label](state, restart)


def _take_kick_off(state: State, restart: Restart) -> None:
    partner = list(state.outfield(restart.team))[5]
    x, y = state.world.position[partner]
    send(state, restart.taker, partner, (float(x), float(y)), lofted=False)
    state.plan_next_shot()


def _take_throw(state: State, restart: Restart) -> None:
    mates = [row for row in state.outfield(restart.team) if row != restart.taker]
    x, y = state.world.position[state.nearest(restart.x, restart.y * 0.75, mates)]
    target = (float(x), bound(y, -HALF_WIDTH_M + 2, HALF_WIDTH_M - 2))
    ball = state.world.ball
    ball.y = math.copysign(HALF_WIDTH_M - 0.1, restart.y)
    distance = math.hypot(target[0] - ball.x, target[1] - ball.y)
    ball.kick(lofted_kick(ball, (*target, 0.5), 0.35 + distance / 16))
    _released(state, restart.taker, state.nearest(*target, mates), target)


def _take_corner(state: State, restart: Restart) -> None:
    side = math.copysign(1.0, restart.x)
    x = side * (HALF_LENGTH_M - float(state.rng.uniform(6.5, 10.0)))
    y = float(state.rng.uniform(-4.0, 4.0))
    ball = state.world.ball
    ball.kick(lofted_kick(ball, (x, y, 1.7), float(state.rng.uniform(1.35, 1.6))))
    mates = [row for row in state.outfield(restart.team) if row != restart.taker]
    _released(state, restart.taker, state.nearest(x, y, mates), (x, y))
    if state.rng.random() < 0.5:
        state.shot_due = state.frame


def _take_goal_kick(state: State, restart: Restart) -> None:
    _take_free(state, restart, long_share=0.6)


def _take_free_kick(state: State, restart: Restart) -> None:
    depth = abs(state.goal_side(restart.team) * HALF_LENGTH_M - restart.x)
    if depth < FREE_KICK_SHOT_M and abs(restart.y) < 18:
        take_shot(state, restart.taker)
    else:
        cross(state, restart.taker)


def _take_indirect(state: State, restart: Restart) -> None:
    _take_free(state, restart, long_share=0.3)


def _take_penalty(state: State, restart: Restart) -> None:
    take_shot(state, restart.taker, str(state.rng.choice(PENALTY_OUTCOMES)))


def _take_free(state: State, restart: Restart, long_share: float) -> None:
    if state.rng.random() < long_share:
        mates = list(state.outfield(restart.team))[4:]
        receiver = int(state.rng.choice([row for row in mates if row != restart.taker]))
        x, y = state.world.position[receiver]
        send(state, restart.taker, receiver, (float(x), float(y)), lofted=True)
    else:
        receiver, target, lofted = best_pass(state, restart.taker, eager=False)
        send(state, restart.taker, receiver, target, lofted)


def _released(state: State, taker: int, receiver: int, target: tuple[float, float]) -> None:
    state.owner, state.last_touch, state.receiver = None, taker, receiver
    state.landing, state.kicked_at, state.tried = target, state.frame, set()


_TAKES = {
    "Kick-off": _take_kick_off,
    "Throw-in": _take_throw,
    "Corner": _take_corner,
    "Goal kick": _take_goal_kick,
    "Direct free-kick": _take_free_kick,
    "Indirect free-kick": _take_indirect,
    "Penalty": _take_penalty,
}


def penalty_spot(side: int) -> tuple[float, float]:
    """In front of the goal at this side."""
    return side * (HALF_LENGTH_M - PENALTY_SPOT_M), 0.0


def corner_spot(x: float, y: float) -> tuple[float, float]:
    """The corner nearest to where the ball went out."""
    return math.copysign(HALF_LENGTH_M - 0.3, x), math.copysign(HALF_WIDTH_M - 0.3, y)


def goal_kick_spot(x: float, y: float) -> tuple[float, float]:
    """A corner of the goal area on the side where the ball went out."""
    return math.copysign(HALF_LENGTH_M - GOAL_AREA_DEPTH_M, x), math.copysign(GOAL_AREA_HALF_WIDTH_M - 2, y)


def throw_spot(x: float, y: float) -> tuple[float, float]:
    """The point of the touchline where the ball went out."""
    return bound(x, -HALF_LENGTH_M + 1, HALF_LENGTH_M - 1), math.copysign(HALF_WIDTH_M + BALL_RADIUS_M, y)
