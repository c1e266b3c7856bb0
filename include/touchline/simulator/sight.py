"""What does a camera see of the world, and where in the picture? Nothing is painted for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from touchline.simulator import pitch
from touchline.simulator.body import joints
from touchline.simulator.bystanders import Bystanders
from touchline.simulator.camera import Camera, project
from touchline.simulator.world import Array, World, box_class

Box = tuple[str, float, float, float, float]
LEAST_VISIBLE = 0.5
"""Boxes that lie less than this share inside the picture are left out."""


@dataclass(frozen=True, slots=True)
class Projected:
    """Everybody's joints in the picture (N, 17, 2), their depths (N, 17) in metres, and pixels per metre (N,).

    `low` and `high` (N, 2) are the corners of each person's joints.
    """

    points: Array
    depth: Array
    scale: Array
    low: Array
    high: Array


@dataclass(frozen=True, slots=True)
class Seen:
    """What one frame shows: boxes (class, x1, y1, x2, y2) in pixels, and the ball's centre if visible.

    Who does not belong to the match is a "spectator". `people` are the rows of those whose boxes come first.
    """

    boxes: list[Box]
    ball: tuple[float, float] | None
    people: tuple[int, ...] = ()


def see(world: World, bystanders: Bystanders | None, camera: Camera) -> Seen:
    """Boxes of the people in view, then the ball's."""
    matrix = camera.matrix()
    people = project_people(bodies(world, bystanders), matrix, camera)
    return seen_of(people, people_in_view(people, camera), ball_in_view(world, matrix, camera), camera)


def seen_of(people: Projected, inside: Array, ball: tuple[float, float, float] | None, camera: Camera) -> Seen:
    """As `see`, from what is projected already."""
    found = _boxes(people, inside, camera)
    boxes, rows = list(found.values()), tuple(found)
    if ball is None:
        return Seen(boxes, None, rows)
    x, y, radius = ball
    box = _clipped("ball", x - radius, y - radius, x + radius, y + radius, camera)
    boxes += [box] if box is not None else []
    is_visible = 0 <= x < camera.width and 0 <= y < camera.height
    return Seen(boxes, (x, y) if is_visible else None, rows)


def bodies(world: World, bystanders: Bystanders | None) -> Array:
    """Joints (N, 17, 3) in metres of the 25 on the pitch, and after them of the 25 beside it."""
    playing = joints(world)
    return playing if bystanders is None else np.concatenate([playing, joints(bystanders.world)])


def project_people(body: Array, matrix: Array, camera: Camera) -> Projected:
    """Everybody's joints, which are (N, 17, 3) in metres, in the picture."""
    points, depth = project(matrix, body.reshape(-1, 3))
    depth = depth.reshape(body.shape[:2])
    scale = camera.focal_px / np.maximum(depth.mean(axis=1), 0.5)
    people = points.reshape(*body.shape[:2], 2)
    x, y = np.ascontiguousarray(people[:, :, 0]), np.ascontiguousarray(people[:, :, 1])
    return Projected(people, depth, scale, np.column_stack([x.min(axis=1), y.min(axis=1)]),
                     np.column_stack([x.max(axis=1), y.max(axis=1)]))


def people_in_view(people: Projected, camera: Camera) -> Array:
    """Mask (N,) of those who are before the camera and not far out of the picture."""
    low, high = people.low, people.high
    return (
        (people.depth.min(axis=1) > 1.0)
        & (high[:, 0] > -20)
        & (low[:, 0] < camera.width + 20)
        & (high[:, 1] > -20)
        & (low[:, 1] < camera.height + 20)
    )


def ball_in_view(world: World, matrix: Array, camera: Camera) -> tuple[float, float, float] | None:
    """Centre and radius of the ball in pixels, or None if it is behind the camera or far out of the picture."""
    points, depth = project(matrix, np.array([[world.ball.x, world.ball.y, world.ball.z]]))
    x, y = (float(v) for v in points[0])
    if depth[0] < 1.0 or not (-50 < x < camera.width + 50 and -50 < y < camera.height + 50):
        return None
    return x, y, max(1.2, 1.15 * pitch.BALL_RADIUS_M * camera.focal_px / float(depth[0]))


def person_boxes(people: Projected, inside: Array, camera: Camera) -> tuple[Array, Array]:
    """Boxes (M, 4) in pixels of the people in view and their rows (M,): joints and a margin for flesh and clothes.

    Who lies less than half inside the picture is left out.
    """
    rows = np.flatnonzero(inside)
    margin = 0.09 * people.scale[rows, None]
    low, high = people.low[rows] - margin, people.high[rows] + margin * 0.6
    size = (camera.width, camera.height)
    left_top, right_bottom = np.maximum(low, 0.0), np.minimum(high, size)
    shown = (right_bottom - left_top).clip(0).prod(axis=1)
    kept = (shown > 0) & (shown >= LEAST_VISIBLE * (high - low).prod(axis=1))
    return np.hstack([left_top, right_bottom])[kept], rows[kept]


def _boxes(people: Projected, inside: Array, camera: Camera) -> dict[int, Box]:
    """Boxes of the people in view, by row."""
    boxes, rows = person_boxes(people, inside, camera)
    return {row: (box_class(row), round(x1, 1), round(y1, 1), round(x2, 1), round(y2, 1))
            for (x1, y1, x2, y2), row in zip(boxes.tolist(), rows.tolist(), strict=True)}


def _clipped(name: str, x1: float, y1: float, x2: float, y2: float, camera: Camera) -> Box | None:
    """The part of a box inside the picture, or None when less than half of it is."""
    left, top = max(0.0, x1), max(0.0, y1)
    right, bottom = min(float(camera.width), x2), min(float(camera.height), y2)
    if right <= left or bottom <= top:
        return None
    if (right - left) * (bottom - top) < LEAST_VISIBLE * (x2 - x1) * (y2 - y1):
        return None
    return name, round(left, 1), round(top, 1), round(right, 1), round(bottom, 1)
