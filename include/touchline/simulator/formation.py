"""Where each team wants to stand for a given ball."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from touchline.simulator.pitch import (
    CIRCLE_RADIUS_M,
    GOAL_HALF_WIDTH_M,
    HALF_LENGTH_M,
    HALF_WIDTH_M,
    bound,
)
from touchline.simulator.world import Array

SHAPES: Mapping[str, Array] = {name: np.array(places, dtype=float) for name, places in {
    "4-3-3": [(-16, -20), (-19, -7), (-19, 7), (-16, 20), (-3, -11), (-7, 0), (-3, 11), (13, -20), (16, 0), (13, 20)],
    "4-4-2": [(-16, -20), (-19, -7), (-19, 7), (-16, 20), (-1, -21), (-5, -7), (-5, 7), (-1, 21), (13, -7), (15, 6)],
    "3-5-2": [(-19, -13), (-20, 0), (-19, 13), (-4, -24), (-6, -9), (-2, 0), (-6, 9), (-4, 24), (13, -7), (15, 6)],
}.items()}
"""Outfield offsets (m) from the middle of the block, for a team that attacks towards +x."""
_LEAST = np.array([-HALF_LENGTH_M + 7, -HALF_WIDTH_M + 2])
_GREATEST = np.array([HALF_LENGTH_M - 8, HALF_WIDTH_M - 2])


def stand(shape: str, attack: int, ball_x: float, ball_y: float, has_ball: bool) -> Array:
    """Positions (11, 2) of a team; `attack` is +1 or -1, the direction it plays in."""
    ball_along = ball_x * attack
    middle = bound(ball_along * 0.72 + (5.0 if has_ball else -5.0), -27, 27)
    stretch = 1.0 if has_ball else 0.82
    depth = 1.0 if has_ball else 0.85
    places = np.empty((11, 2))
    places[0] = keeper_position(-1, ball_along, ball_y)
    places[1:] = SHAPES[shape] * (depth, stretch * attack) + (middle, ball_y * 0.33)
    places[1:] = np.minimum(np.maximum(places[1:], _LEAST), _GREATEST)
    places[:, 0] *= attack
    return places


def keeper_position(side: int, ball_x: float, ball_y: float) -> tuple[float, float]:
    """On the line from the ball to the goal at `side`, further out the farther the ball."""
    goal_x = side * HALF_LENGTH_M
    distance = max(1.0, math.hypot(ball_x - goal_x, ball_y))
    out = bound(distance * 0.12, 1.0, 7.0)
    x = goal_x + (ball_x - goal_x) / distance * out
    y = bound(ball_y / distance * out, -GOAL_HALF_WIDTH_M + 1.2, GOAL_HALF_WIDTH_M - 1.2)
    if abs(x) > HALF_LENGTH_M - 0.5:
        x = side * (HALF_LENGTH_M - 0.5)
    return x, y


def kick_off_stand(shape: str, attack: int, kicks: bool) -> Array:
    """Positions (11, 2) in a team's own half; the side that does not kick keeps out of the centre circle."""
    places = stand(shape, attack, 0.0, 0.0, has_ball=False)
    along = places[:, 0] * attack
    along = np.where(along > -1.5, -1.5 - (along + 30) * 0.06, along)
    along[0] = -HALF_LENGTH_M + 5
    if not kicks:
        near = np.hypot(along, places[:, 1]) < CIRCLE_RADIUS_M + 1
        along = np.where(near, -CIRCLE_RADIUS_M - 1.5, along)
    places[:, 0] = along * attack
    return places


def warm_up_places(attack: int) -> Array:
    """Where the eleven (11, 2) of a team warm up: the keeper in its goal, the others in two rows before it."""
    found = np.zeros((11, 2))
    found[0] = -attack * (HALF_LENGTH_M - 0.8), 0.0
    found[1:, 0] = -attack * (HALF_LENGTH_M - 20.0 - 4.0 * (np.arange(10) % 2))
    found[1:, 1] = (np.arange(10) - 4.5) * 3.2
    return found


def corner_stand(side: int, ball_y: float, attackers: bool, rng: np.random.Generator) -> Array:
    """Ten outfield places for a corner at the goal of `side`: a crowd in the area and cover behind."""
    depth = np.array([5, 7, 8, 9.5, 11, 12, 16, 20, 36, 40.0])
    across = np.array([-4, 2, 5, -1, 3.5, -5, 0, 9, -9, 9.0])
    if not attackers:
        depth = np.array([1.5, 4, 5.5, 6.5, 8, 9.5, 10.5, 14, 17, 28.0])
        across = np.array([3.2, -3, 1, 4.5, -1.5, 2.5, -5, 0, 6, 0.0])
    jitter = rng.normal(0, 0.7, (10, 2))
    toward = np.sign(ball_y)
    return np.column_stack([side * (HALF_LENGTH_M - depth) + jitter[:, 0], across * toward + jitter[:, 1]])
