"""Whom to pass to, and how the ball gets there."""

from __future__ import annotations

import math

import numpy as np

from touchline.simulator.ballistics import ground_kick, lofted_kick
from touchline.simulator.pitch import HALF_LENGTH_M, HALF_WIDTH_M, bound
from touchline.simulator.state import State
from touchline.simulator.world import Array, members, team_of

LOFT_FROM_M = 27.0
BAD_PASS_SHARE = 0.15
CROSS_FOUND_SHARE = 0.3
"""Crosses that a player of the same side gets to first; Opta counts 20 to 30 % as accurate."""


def best_pass(state: State, passer: int, eager: bool) -> tuple[int, tuple[float, float], bool]:
    """Choose a receiver: forward, in the open, not too far; `eager` weighs forward more.

    Returns the receiver, the point to play to and whether the ball should fly.
    """
    world, team = state.world, team_of(passer)
    attack = state.attack(team)
    mates = np.array([row for row in state.outfield(team) if row != passer])
    places = world.position[mates] + world.velocity[mates] * 0.7
    places[:, 0] += attack * 1.5
    here = world.position[passer]
    opponents = world.position[members(1 - team)]
    distance = np.hypot(*(places - here).T)
    progress = (places[:, 0] - here[0]) * attack
    score = (
        np.clip(progress, -25, 30) / 20 * (2.2 if eager else 0.45)
        + np.minimum(_gap_to(places, opponents), 6) / 6
        + np.minimum(_lane(here, places, opponents), 4) / 4
        - np.abs(distance - 15) / 22
        - (distance < 6)
        + state.rng.normal(0, 0.3, len(mates))
    )
    best = int(np.argmax(score))
    lofted = bool(distance[best] > LOFT_FROM_M or _lane(here, places[best : best + 1], opponents)[0] < 0.8)
    return int(mates[best]), (float(places[best, 0]), float(places[best, 1])), lofted


def _gap_to(places: Array, opponents: Array) -> Array:
    """Distance from each place to the nearest opponent."""
    return np.sqrt(((places[:, None] - opponents[None]) ** 2).sum(axis=2)).min(axis=1)


def _lane(here: Array, places: Array, opponents: Array) -> Array:
    """Distance of the nearest opponent from the line of each pass."""
    line = places - here
    length = np.maximum(1e-6, (line**2).sum(axis=1))
    along = ((opponents[None] - here) * line[:, None]).sum(axis=2) / length[:, None]
    foot = here + np.clip(along, 0.15, 1.0)[:, :, None] * line[:, None]
    return np.sqrt(((opponents[None] - foot) ** 2).sum(axis=2)).min(axis=1)


def send(state: State, passer: int, receiver: int, target: tuple[float, float], lofted: bool) -> None:
    """Kick the ball to a point, with the error that players make, now and then a bad one."""
    ball, rng = state.world.ball, state.rng
    _note_offside(state, passer)
    distance = math.hypot(target[0] - ball.x, target[1] - ball.y)
    bad = rng.random() < BAD_PASS_SHARE
    spread = (0.25 + 0.025 * distance) * (5.0 if bad else 1.0)
    limit_x = HALF_LENGTH_M + (1 if bad else -1.5)
    limit_y = HALF_WIDTH_M + (4 if bad else -0.5)
    x = bound(target[0] + rng.normal(0, spread), -limit_x, limit_x)
    y = bound(target[1] + rng.normal(0, spread), -limit_y, limit_y)
    if lofted:
        ball.kick(lofted_kick(ball, (x, y, 0.3), 0.7 + distance / 26))
    else:
        ball.kick(ground_kick(x - ball.x, y - ball.y, float(rng.uniform(5.0, 7.5))))
    state.world.kick[passer] = 0.7
    state.owner, state.last_touch, state.receiver, state.in_hands = None, passer, receiver, False
    state.landing, state.kicked_at, state.tried = (x, y), state.frame, set()
    if lofted:
        state.sound("thud")


def cross(state: State, person: int) -> None:
    """Hit the ball high in front of the goal; some fly too far, over the goal line or past everybody."""
    rng, ball, team = state.rng, state.world.ball, team_of(person)
    side = state.goal_side(team)
    x = side * (HALF_LENGTH_M - float(rng.uniform(5.0, 14.0))) + float(rng.normal(0, 2.5))
    y = float(rng.uniform(-7.0, 7.0)) - math.copysign(float(rng.exponential(4.0)), ball.y)
    distance = math.hypot(x - ball.x, y - ball.y)
    mates = [row for row in state.outfield(team) if row != person]
    _note_offside(state, person)
    ball.kick(lofted_kick(ball, (x, y, 1.6), 0.55 + distance / 24))
    state.world.kick[person] = 0.9
    state.owner, state.last_touch, state.in_hands = None, person, False
    state.receiver = state.nearest(x, y, mates) if rng.random() < CROSS_FOUND_SHARE else None
    state.landing, state.kicked_at, state.tried = (x, y), state.frame, set()
    state.sound("thud")


def clear(state: State, person: int) -> None:
    """Hit the ball far up the pitch from in front of one's own goal and call it a clearance."""
    rng, ball = state.rng, state.world.ball
    attack = state.attack(team_of(person))
    x = ball.x + attack * float(rng.uniform(28, 45))
    y = ball.y + float(rng.normal(0, 20))
    ball.kick(lofted_kick(ball, (x, y, 0.3), float(rng.uniform(1.7, 2.4))))
    state.world.kick[person] = 1.0
    state.emit("Clearance", team_of(person))
    state.owner, state.last_touch, state.receiver, state.shot = None, person, None, None
    state.landing, state.kicked_at, state.tried = (x, y), state.frame, set()
    state.sound("thud")


def _note_offside(state: State, passer: int) -> None:
    """Remember who is nearer to the goal than the ball and the last but one opponent while this one plays it."""
    team = team_of(passer)
    attack = state.attack(team)
    along = state.world.position[:22, 0] * attack
    opponents = np.sort(along[[row for row in range(22)[members(1 - team)] if row not in state.gone]])
    line = max(0.0, state.world.ball.x * attack, float(opponents[-2]))
    state.offside = {row for row in state.outfield(team) if row != passer and along[row] > line + 0.3}
