"""Which of many candidates is the ball? The one that lies on grass and moves on from step to step as a ball does.

Candidates of neighbouring steps are linked where the camera's own movement is taken out; the most likely chain of them
is found by dynamic programming (Viterbi), with the way left open to see no ball at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from touchline.seeing.camera import Move, carry
from touchline.seeing.glance import Glance
from touchline.seeing.table import seeing_table

Point = tuple[float, float]
Floats = NDArray[np.float64]
_Place = tuple[int, int]
"""Step and number of a candidate, or column and row of a cell."""
_NOWHERE = (-1, -1)


@dataclass(slots=True)
class _Held:
    """The candidates of a step [N], and where they would lie in the step that is looked at."""

    step: int
    look: int
    """How many steps were looked at before it."""
    places: Floats
    best: Floats
    """Value of the best chain that ends in each."""


def ball_path(glances: Sequence[Glance], aspect: float) -> list[Point | None]:
    """Where the ball is in each step, None where it is not seen; `aspect` is the picture's width by its height.

    A step that nobody looked at is none in which the ball was missed.
    """
    table = seeing_table("ball")
    came_from: dict[_Place, _Place] = {}
    finished, last = 0.0, _NOWHERE
    held: list[_Held] = []
    signs = _find_signs(glances)
    looks = 0
    for step, one in enumerate(glances):
        move = None if one.is_cut else one.camera
        held = [] if move is None else [_moved(old, move) for old in held if step - old.step <= table["gap_steps"]]
        gains = _gains(one, signs) - table["still"] * _stand_still(one, held, aspect)
        best = np.zeros(len(gains))
        ended = (finished, last)
        for index, gain in enumerate(gains):
            value, origin = _before(one.balls[index, :2], (step, looks), held, _reach(one), aspect)
            if value <= finished - table["start"]:
                value, origin = finished - table["start"], last
            best[index], came_from[step, index] = value + gain, origin
            if best[index] > ended[0]:
                ended = (float(best[index]), (step, index))
        if one.is_looked:
            held.append(_Held(step, looks, one.balls[:, :2].astype(np.float64), best))
            looks += 1
        finished, last = ended
    chain: list[_Place] = []
    while last != _NOWHERE:
        chain.append(last)
        last = came_from[last]
    return _filled(glances, dict(chain))


def _before(ball: NDArray[np.float32], at: tuple[int, int], held: Sequence[_Held], reach: float,
            aspect: float) -> tuple[float, _Place]:
    """The best chain that a candidate may continue: its value, and where it ended."""
    table = seeing_table("ball")
    value, origin = -np.inf, _NOWHERE
    for old in held:
        if not len(old.places):
            continue
        gap, missed = at[0] - old.step, at[1] - old.look - 1
        away = np.hypot((old.places[:, 0] - ball[0]) * aspect, old.places[:, 1] - ball[1]) / (reach * gap)
        cost = (away / table["reach"]) ** 2 + table["miss"] * missed
        values = np.where(away <= table["most_reach"], old.best - cost, -np.inf)
        index = int(values.argmax())
        if values[index] > value:
            value, origin = float(values[index]), (old.step, index)
    return value, origin


def _moved(old: _Held, move: Move) -> _Held:
    return _Held(old.step, old.look, carry(old.places, move), old.best)


def _reach(one: Glance) -> float:
    """Height of the people in the picture, which says how far 1.8 m are."""
    heights = one.people[:, 3] - one.people[:, 1]
    return float(np.median(heights)) if len(heights) else float(seeing_table("ball")["people"])


def _gains(one: Glance, signs: set[_Place]) -> Floats:
    """How likely each candidate is the ball by itself: logarithm of its odds, with what speaks against it."""
    table = seeing_table("ball")
    gains = np.log(np.maximum(one.balls[:, 2].astype(np.float64), 1e-3) / table["even_score"])
    gains -= table["off_grass"] * (one.balls[:, 3] == 0)
    gains -= table["on_head"] * _within(one, 0.0, 0.2) + table["on_foot"] * _within(one, 0.75, 1.0)
    return gains - table["sign"] * np.array([cell in signs for cell in _cells(one)], bool)


def _stand_still(one: Glance, held: Sequence[_Held], aspect: float) -> NDArray[np.bool_]:
    """Which candidates lie where one lay on the pitch in the steps before."""
    before = np.concatenate([np.zeros((0, 2)), *(old.places for old in held)])
    if not len(before) or not len(one.balls):
        return np.zeros(len(one.balls), bool)
    off = (one.balls[:, None, :2] - before[None]) * np.array([aspect, 1.0])
    still: NDArray[np.bool_] = np.linalg.norm(off, axis=2).min(axis=1) < seeing_table("ball")["still_reach"] * _reach(
        one)
    return still


def _within(one: Glance, low: float, high: float) -> NDArray[np.bool_]:
    """Which candidates lie in this part of somebody's box, from 0 at the head to 1 at the feet."""
    x, y = one.balls[:, 0:1], one.balls[:, 1:2]
    x1, y1, x2, y2 = one.people.T
    down = (y - y1) / np.maximum(y2 - y1, 1e-6)
    inside: NDArray[np.bool_] = ((x >= x1) & (x <= x2) & (down >= low) & (down <= high)).any(axis=1)
    return inside


def _find_signs(glances: Sequence[Glance]) -> set[_Place]:
    """Cells of the picture in which candidates stay while the camera moves: a crest beside the score, a clock."""
    table = seeing_table("ball")
    seen: dict[_Place, list[int]] = {}
    travelled = _travelled(glances)
    looked = [one for one in glances if one.is_looked]
    for step, one in enumerate(looked):
        for cell in set(_cells(one)):
            seen.setdefault(cell, []).append(step)
    return {cell for cell, steps in seen.items()
            if len(steps) >= max(table["sign_steps"], table["sign_share"] * (steps[-1] - steps[0] + 1))
            and sum(travelled[step] for step in steps) >= table["sign_camera"]}


def _travelled(glances: Sequence[Glance]) -> list[float]:
    """How far the camera moved from one look to the next."""
    found, since = [], 0.0
    for one in glances:
        since += 0.0 if one.camera is None else abs(one.camera[0]) + abs(one.camera[1])
        if one.is_looked:
            found.append(since)
            since = 0.0
    return found


def _cells(one: Glance) -> list[_Place]:
    size = seeing_table("ball")["sign_size"]
    return [(int(x / size), int(y / size)) for x, y in one.balls[:, :2].tolist()]


def _filled(glances: Sequence[Glance], chosen: dict[int, int]) -> list[Point | None]:
    """The chosen candidates, and between two of them that are close in time the way from one to the other."""
    path: list[Point | None] = [None] * len(glances)
    for step, index in chosen.items():
        path[step] = (float(glances[step].balls[index, 0]), float(glances[step].balls[index, 1]))
    steps = sorted(chosen)
    for start, end in pairwise(steps):
        moves = [None if one.is_cut else one.camera for one in glances[start + 1 : end + 1]]
        if 1 < end - start <= seeing_table("ball")["filled_steps"] + 1 and None not in moves:
            path[start + 1 : end] = _between(path[start], path[end], [move for move in moves if move])
    return path


def _between(start: Point | None, end: Point | None, moves: Sequence[Move]) -> list[Point | None]:
    """The steps between two places of the ball: carried on by the camera, and evenly on to the end."""
    places = [np.array([start])]
    for move in moves:
        places.append(carry(places[-1], move))
    off = np.array([end]) - places[-1]
    return [(float(x), float(y)) for (x, y), in
            (place + off * (number + 1) / len(moves) for number, place in enumerate(places[1:-1]))]
