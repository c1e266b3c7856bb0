"""What would a detector make of what a camera sees? It misses, shakes, sees what is not there, and mixes up shirts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from touchline.simulator.sight import Box, Seen
from touchline.simulator.world import KEEPERS, PEOPLE, REFEREE, Array, team_of

STEP_S = 0.2
WRONG_STEPS = (2, 10)
"""For how many steps the same thing is taken for a ball, least and greatest."""
AT_FEET_SHARE = 0.7
"""Of the wrong balls; the others lie somewhere in the picture."""
SHIRTS = ("home", "away", "home keeper", "away keeper", "referee", "other")


@dataclass(frozen=True, slots=True)
class DetectorNoise:
    """How well one detector sees one match; sizes in pixels, shares from 0 to 1.

    `missed`: share of the people who are missed whatever their size. `small_px`: the height at which half of the others
    are missed, within a factor of `small_spread`. `hidden`: share that is missed of those whom somebody covers wholly.
    `missed_s`: how long somebody stays missed. `jitter`: spread of each side of a box, in heights of the person.
    `false_boxes`: boxes a frame without a person. `ball_seen`: share of the frames in which a large ball is found;
    `ball_px`: the diameter at which half of that is left. `wrong_balls`: share of the frames in which a boot, a spot or
    a flag looks like a ball. `wrong_shirt`: share of the people whose shirt is taken for another. `rim`: how much
    higher and lower than the person its box reaches, in heights.
    """

    missed: float
    small_px: float
    small_spread: float
    hidden: float
    missed_s: float
    jitter: float
    false_boxes: float
    ball_seen: float
    ball_px: float
    wrong_balls: float
    wrong_shirt: float
    rim: float


@dataclass(frozen=True, slots=True)
class Detected:
    """People [N, 4] as x1, y1, x2, y2 in pixels with a shirt each (index of SHIRTS), and the best ball (x, y) or None.

    Who is on the pitch and who stands beside it is not known here.
    """

    people: Array
    shirts: tuple[int, ...]
    ball: tuple[float, float] | None


@dataclass(slots=True)
class NoisyDetector:
    """Looks at one match, a step of 0.2 s after the other."""

    noise: DetectorNoise
    seed: int
    width: int
    height: int
    _rng: np.random.Generator = field(init=False)
    _luck: Array = field(init=False)
    """One number for each row, from a standard normal distribution and slow to change: who is missed stays missed."""
    _wrong: tuple[int, tuple[float, float]] = (-1, (0.0, 0.0))
    """Whose boots look like a ball; -1: a thing that lies at this place in the picture."""
    _wrong_left: int = 0

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, 12])
        self._luck = self._rng.normal(0, 1, 2 * PEOPLE + 1)

    def detect(self, seen: Seen) -> Detected:
        """What the detector says of this frame; call once per step, in order."""
        noise, rng = self.noise, self._rng
        kept = np.exp(-STEP_S / noise.missed_s)
        self._luck = kept * self._luck + np.sqrt(1 - kept**2) * rng.normal(0, 1, len(self._luck))
        boxes = np.array([box[1:] for box in seen.boxes[: len(seen.people)]]).reshape(-1, 4)
        found = self._found(boxes, seen.people)
        wrong = self._wrong_ball(boxes, seen.people)
        boxes = self._shaken(boxes[found])
        shirts = [self._shirt(row) for row, is_found in zip(seen.people, found, strict=True) if is_found]
        false = self._false_boxes(boxes)
        shirts += [int(rng.integers(len(SHIRTS))) for _ in false]
        return Detected(np.concatenate([boxes, false]), tuple(shirts), self._ball(seen, wrong))

    def _found(self, boxes: Array, rows: Sequence[int]) -> Array:
        noise = self.noise
        heights = boxes[:, 3] - boxes[:, 1]
        small = 1 / (1 + (np.maximum(heights, 1e-3) / noise.small_px) ** (4 / np.log(noise.small_spread)))
        chance = (1 - noise.missed) * (1 - small) * (1 - noise.hidden * _covered(boxes))
        return _even(self._luck[list(rows)]) < chance

    def _shaken(self, boxes: Array) -> Array:
        heights = (boxes[:, 3] - boxes[:, 1])[:, None]
        rim = np.array([0.0, -self.noise.rim, 0.0, self.noise.rim])
        shaken = boxes + (rim + self._rng.normal(0, self.noise.jitter, boxes.shape)) * heights
        limits = np.array([self.width, self.height, self.width, self.height])
        return np.clip(np.concatenate([np.minimum(shaken[:, :2], shaken[:, 2:]),
                                       np.maximum(shaken[:, :2], shaken[:, 2:])], axis=1), 0, limits)

    def _shirt(self, row: int) -> int:
        if self._rng.random() < self.noise.wrong_shirt:
            return int(self._rng.integers(len(SHIRTS)))
        if row >= PEOPLE:
            return SHIRTS.index("other")
        if row >= REFEREE:
            return SHIRTS.index("referee")
        return team_of(row) + (2 if row in KEEPERS else 0)

    def _false_boxes(self, others: Array) -> Array:
        """Anywhere, as large as the people there."""
        rng = self._rng
        count = int(rng.poisson(self.noise.false_boxes))
        heights = (others[:, 3] - others[:, 1]) if len(others) else np.array([self.height / 12])
        high = rng.choice(heights, count) * rng.uniform(0.5, 1.5, count)
        x, y = rng.uniform(0, self.width, count), rng.uniform(0, self.height, count)
        return np.column_stack([x - high / 5, y - high, x + high / 5, y]).clip(0, None)

    def _wrong_ball(self, boxes: Array, rows: Sequence[int]) -> tuple[float, float] | None:
        """Somebody's boot, or something that lies there: it is taken for a ball for a while."""
        rng, share = self._rng, self.noise.wrong_balls
        self._wrong_left -= 1
        if self._wrong_left < 0:
            begins = share / (share + (1 - share) * sum(WRONG_STEPS) / 2)
            if rng.random() >= begins:
                return None
            self._wrong_left = int(rng.integers(WRONG_STEPS[0], WRONG_STEPS[1] + 1)) - 1
            row = int(rng.choice(rows)) if len(rows) and rng.random() < AT_FEET_SHARE else -1
            self._wrong = (row, (float(rng.uniform(0, self.width)), float(rng.uniform(0, self.height))))
        row, place = self._wrong
        if row < 0:
            return place
        if row not in rows:
            return None
        x1, _, x2, y2 = boxes[rows.index(row)].tolist()
        return float(rng.uniform(x1, x2)), y2

    def _ball(self, seen: Seen, wrong: tuple[float, float] | None) -> tuple[float, float] | None:
        """The ball, or a wrong one that looked more like it."""
        noise, rng = self.noise, self._rng
        size = _ball_px(seen.boxes)
        chance = noise.ball_seen * size**2 / (size**2 + noise.ball_px**2) if size else 0.0
        right = seen.ball is not None and _even(self._luck[-1:])[0] < chance
        if right and (wrong is None or rng.random() < 0.5):
            x, y = seen.ball or (0.0, 0.0)
            return float(x + rng.normal(0, size * 0.2)), float(y + rng.normal(0, size * 0.2))
        return wrong


def _covered(boxes: Array) -> Array:
    """Share of each box that the boxes of people nearer to the camera (lower feet) cover, the largest one counts."""
    if not len(boxes):
        return np.zeros(0)
    left, top = np.maximum(boxes[:, None, 0], boxes[None, :, 0]), np.maximum(boxes[:, None, 1], boxes[None, :, 1])
    right = np.minimum(boxes[:, None, 2], boxes[None, :, 2])
    bottom = np.minimum(boxes[:, None, 3], boxes[None, :, 3])
    shared = (right - left).clip(0, None) * (bottom - top).clip(0, None)
    nearer = boxes[None, :, 3] > boxes[:, None, 3]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    covered: Array = (shared * nearer).max(axis=1) / np.maximum(area, 1e-6)
    return covered


def _ball_px(boxes: Sequence[Box]) -> float:
    """Diameter of the ball in the picture; 0 where it is not there."""
    return next((y2 - y1 for kind, _, y1, _, y2 in reversed(boxes) if kind == "ball"), 0.0)


def _even(luck: Array) -> Array:
    """Numbers from a standard normal distribution as even ones between 0 and 1."""
    return np.array([0.5 + 0.5 * math.erf(one / math.sqrt(2)) for one in luck])
