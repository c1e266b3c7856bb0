"""Who is on the pitch and what their bodies do at this instant.

People are rows of arrays: 0..10 home (0 the keeper), 11..21 away (11 the keeper), 22 the referee,
23 and 24 the assistants.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from touchline.simulator.ballistics import FRAME_S, Ball

Array = NDArray[np.float64]

FPS = 25
HOME, AWAY = 0, 1
TEAM_NAMES = ("home", "away")
PEOPLE = 25
KEEPERS = (0, 11)
REFEREE = 22
ASSISTANTS = (23, 24)
TOP_ACCELERATION = 5.5
"""m/s^2; sprinters reach more in the first step only (Osgnach et al. 2010 put a football sprint start at 5-6)."""
TURN_RATE = 7.0


def team_of(person: int) -> int:
    """Team index of a player."""
    return HOME if person < 11 else AWAY


def members(team: int) -> slice:
    """Rows of a team, keeper first."""
    return slice(0, 11) if team == HOME else slice(11, 22)


def box_class(person: int) -> str:
    """Detector class of a person; rows beyond those of the match are spectators."""
    if person >= PEOPLE:
        return "spectator"
    if person in KEEPERS:
        return "goalkeeper"
    return "player" if person < REFEREE else "referee"


def _zeros() -> Array:
    return np.zeros(PEOPLE)


def _sizes() -> Array:
    return 1.80 + 0.08 * np.sin(np.arange(PEOPLE) * 2.4)


@dataclass(slots=True)
class World:
    """Positions (m), velocities (m/s), headings (rad) and poses (0..1) of everybody, and the ball."""

    ball: Ball = field(default_factory=Ball)
    position: Array = field(default_factory=lambda: np.zeros((PEOPLE, 2)))
    velocity: Array = field(default_factory=lambda: np.zeros((PEOPLE, 2)))
    heading: Array = field(default_factory=_zeros)
    stride: Array = field(default_factory=_zeros)
    dive: Array = field(default_factory=_zeros)
    dive_side: Array = field(default_factory=_zeros)
    kick: Array = field(default_factory=_zeros)
    arms: Array = field(default_factory=_zeros)
    height_m: Array = field(default_factory=_sizes)

    def copy(self) -> World:
        """As it is now, for later."""
        return World(replace(self.ball), *(getattr(self, name).copy() for name in _ARRAYS))

    def move(self, targets: Array, top_speed: Array) -> None:
        """Let everybody run towards a target for one frame, with bounded speed and acceleration."""
        away = targets - self.position
        distance = np.hypot(away[:, 0], away[:, 1])
        speed = np.minimum(top_speed, distance * 2.2)
        wanted = away * (speed / np.maximum(distance, 1e-6))[:, None] + _separation(self.position)
        change = wanted - self.velocity
        size = np.hypot(change[:, 0], change[:, 1])
        limit = TOP_ACCELERATION * FRAME_S
        self.velocity += change * np.minimum(1.0, limit / np.maximum(size, 1e-9))[:, None]
        self.position += self.velocity * FRAME_S
        self._turn()
        self._relax()

    def _turn(self) -> None:
        """Face where one runs; who stands or walks faces the ball."""
        speed = np.hypot(self.velocity[:, 0], self.velocity[:, 1])
        running = np.arctan2(self.velocity[:, 1], self.velocity[:, 0])
        watching = np.arctan2(self.ball.y - self.position[:, 1], self.ball.x - self.position[:, 0])
        wanted = np.where(speed > 1.6, running, watching)
        turn = (wanted - self.heading + np.pi) % (2 * np.pi) - np.pi
        self.heading += np.minimum(np.maximum(turn, -TURN_RATE * FRAME_S), TURN_RATE * FRAME_S)
        self.stride += speed * FRAME_S * 2 * np.pi / (0.9 + 0.28 * speed)

    def _relax(self) -> None:
        """Let kicks and raised arms come back to rest; whoever holds a pose sets it again each frame."""
        self.kick = np.maximum(0.0, self.kick - FRAME_S / 0.45)
        self.arms = np.maximum(0.0, self.arms - FRAME_S / 0.5)
        self.dive = np.maximum(0.0, self.dive - FRAME_S / 1.4)
        self.dive_side[self.dive == 0.0] = 0.0


_ARRAYS = tuple(one.name for one in fields(World))[1:]


def _separation(position: Array) -> Array:
    """Velocity (m/s) that pushes people apart who stand closer than 1.1 m."""
    x, y = position[:, 0], position[:, 1]
    apart = np.square(x[:, None] - x) + np.square(y[:, None] - y)
    push = np.zeros_like(position)
    one, other = np.nonzero(apart < 1.1**2)
    if len(one) == len(position):
        return push
    away = position[one] - position[other]
    distance = np.sqrt(apart[one, other])[:, None]
    np.add.at(push, one, away / np.maximum(distance, 1e-9) * (1.1 - distance) * 3.0)
    return push
