"""How the ball flies, bounces and rolls, and how it must be kicked to pass through a point."""

from __future__ import annotations

import math
from dataclasses import dataclass

from touchline.simulator.pitch import BALL_RADIUS_M

FRAME_S = 0.04
GRAVITY = 9.81
DRAG_PER_M = 0.008
"""Quadratic air drag, a = k v^2: 0.5 * 1.2 kg/m3 * Cd 0.15..0.25 * 0.038 m2 / 0.43 kg."""
ROLL_DECELERATION = 1.9
"""m/s^2 on short grass; a pass of 20 m takes about two seconds, as on film."""
BOUNCE = 0.55
BOUNCE_GRIP = 0.78


@dataclass(slots=True)
class Ball:
    """A ball: centre in metres, velocity in m/s."""

    x: float = 0.0
    y: float = 0.0
    z: float = BALL_RADIUS_M
    vx: float = 0.0
    vy: float = 0.0
    vz: float = 0.0

    @property
    def speed(self) -> float:
        """Metres per second."""
        return math.sqrt(self.vx**2 + self.vy**2 + self.vz**2)

    def place(self, x: float, y: float, z: float = BALL_RADIUS_M) -> None:
        """Put the ball down at rest."""
        self.x, self.y, self.z = x, y, z
        self.vx = self.vy = self.vz = 0.0

    def kick(self, velocity: tuple[float, float, float]) -> None:
        """Give the ball a velocity (m/s)."""
        self.vx, self.vy, self.vz = velocity

    def step(self, seconds: float = FRAME_S) -> None:
        """Move the ball on by one time step."""
        if self.z <= BALL_RADIUS_M + 0.01 and abs(self.vz) < 0.6:
            self._roll(seconds)
        else:
            self._fly(seconds)

    def _roll(self, seconds: float) -> None:
        speed = math.hypot(self.vx, self.vy)
        kept = max(0.0, speed - ROLL_DECELERATION * seconds) / speed if speed > 1e-6 else 0.0
        self.vx, self.vy, self.vz = self.vx * kept, self.vy * kept, 0.0
        self.x += self.vx * seconds
        self.y += self.vy * seconds
        self.z = BALL_RADIUS_M

    def _fly(self, seconds: float) -> None:
        slow = 1.0 - DRAG_PER_M * self.speed * seconds
        self.vx, self.vy = self.vx * slow, self.vy * slow
        self.vz = self.vz * slow - GRAVITY * seconds
        self.x += self.vx * seconds
        self.y += self.vy * seconds
        self.z += self.vz * seconds
        if self.z < BALL_RADIUS_M:
            self.z = BALL_RADIUS_M
            self.vz = -self.vz * BOUNCE if self.vz < -1.2 else 0.0
            self.vx, self.vy = self.vx * BOUNCE_GRIP, self.vy * BOUNCE_GRIP


def ground_kick(dx: float, dy: float, arrival_speed: float) -> tuple[float, float, float]:
    """Velocity of a rolling ball that covers (dx, dy) and arrives with `arrival_speed`."""
    distance = max(0.1, math.hypot(dx, dy))
    speed = math.sqrt(arrival_speed**2 + 2 * ROLL_DECELERATION * distance)
    return dx / distance * speed, dy / distance * speed, 0.0


def lofted_kick(ball: Ball, target: tuple[float, float, float], seconds: float) -> tuple[float, float, float]:
    """Velocity that brings `ball` through `target` after about `seconds` of free flight.

    Solved by correcting the drag-free answer with simulated flights until the miss is small.
    """
    wanted = [target[0] - ball.x, target[1] - ball.y, target[2] - ball.z]
    aim = list(wanted)
    steps = max(1, round(seconds / FRAME_S))
    velocity = (0.0, 0.0, 0.0)
    for _ in range(6):
        duration = steps * FRAME_S
        velocity = (
            aim[0] / duration,
            aim[1] / duration,
            aim[2] / duration + 0.5 * GRAVITY * duration,
        )
        reached = _free_flight(velocity, steps)
        aim = [a + w - r for a, w, r in zip(aim, wanted, reached, strict=True)]
    return velocity


def _free_flight(velocity: tuple[float, float, float], steps: int) -> tuple[float, float, float]:
    """Where a ball gets from (0, 0, 0) without ground."""
    vx, vy, vz = velocity
    x = y = z = 0.0
    for _ in range(steps):
        slow = 1.0 - DRAG_PER_M * math.sqrt(vx * vx + vy * vy + vz * vz) * FRAME_S
        vx, vy, vz = vx * slow, vy * slow, vz * slow - GRAVITY * FRAME_S
        x, y, z = x + vx * FRAME_S, y + vy * FRAME_S, z + vz * FRAME_S
    return x, y, z
