"""Who stands beside the pitch, and which balls lie there? What a detector sees besides the match."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from touchline.simulator.pitch import HALF_LENGTH_M, HALF_WIDTH_M
from touchline.simulator.world import PEOPLE, Array, World

NOWHERE = (0.0, -500.0)
"""Behind every camera."""
MOST_BALLS = 4


@dataclass(slots=True)
class Bystanders:
    """`count` people outside the lines, some of whom warm up, and balls that are not in play, (N, 2) in metres."""

    seed: int
    near_y: float
    """So far from the middle, on the camera's side, people may stand: closer to the camera than to the pitch nobody."""
    world: World = field(default_factory=World)
    count: int = field(init=False)
    balls: Array = field(init=False)
    _lanes: Array = field(init=False)
    _runs: Array = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 9])
        self.count = int(rng.integers(2, PEOPLE + 1))
        far = rng.random(PEOPLE) < 0.8
        y = np.where(far, HALF_WIDTH_M + 1.5 + rng.exponential(1.5, PEOPLE),
                     rng.uniform(min(self.near_y, -HALF_WIDTH_M - 1.5), -HALF_WIDTH_M - 1.2, PEOPLE))
        x = np.clip(rng.normal(rng.uniform(-30, 30), 22, PEOPLE), -HALF_LENGTH_M, HALF_LENGTH_M)
        self._lanes = np.column_stack([x, y])
        self._lanes[self.count:] = NOWHERE
        self._runs = (rng.random(PEOPLE) < 0.2) * rng.uniform(6, 18, PEOPLE)
        self.world.position[:] = self._lanes
        self.world.height_m[:] = rng.uniform(1.2, 1.95, PEOPLE)
        balls = int(rng.integers(0, MOST_BALLS + 1))
        self.balls = np.column_stack([rng.uniform(-50, 50, balls),
                                      rng.choice([-1, 1], balls) * (HALF_WIDTH_M + rng.uniform(1.0, 4.0, balls))])

    def move(self, frame: int, ball_x: float, ball_y: float) -> None:
        """One frame on: who warms up runs to and fro along the line, all others watch the ball."""
        targets = self._lanes.copy()
        targets[:, 0] += self._runs * np.sign(np.sin(frame / 25.0 * 0.5 + np.arange(PEOPLE)))
        self.world.ball.x, self.world.ball.y = ball_x, ball_y
        self.world.move(targets, np.full(PEOPLE, 3.2))
