"""One frame of film: stadium, goals, shadows, people and ball, back to front, and where each is in the picture."""

from __future__ import annotations

import math

import cv2
import numpy as np

from touchline.simulator import pitch
from touchline.simulator.camera import Camera, project
from touchline.simulator.figures import ONE, Wardrobe, draw_person, draw_shadows, figures_of
from touchline.simulator.look import Look, bgr
from touchline.simulator.sight import Projected, Seen, ball_in_view, bodies, people_in_view, project_people, seen_of
from touchline.simulator.stadium import SHIFT, Picture, Stadium, build_stadium
from touchline.simulator.venue import Venue
from touchline.simulator.world import Array, World

SHUTTER = 0.5
"""Share of the frame time for which the shutter is open: how long the ball's smear is."""


class Painter:
    """Draws frames of one match; reuses one picture, so take a copy to keep it."""

    def __init__(self, look: Look, venue: Venue, seed: int, width: int, height: int) -> None:
        self._look = look
        self._bystanders = venue.bystanders
        self._stadium: Stadium = build_stadium(look, seed, width, is_park=venue.is_park)
        self._wardrobe = Wardrobe(look, seed)
        self._picture: Picture = np.zeros((height, width, 3), np.uint8)
        self._net = bgr("#b9c0bd", look.light)
        self._mesh_m = 0.3 * max(1.0, 1280 / width)
        self._post = bgr("#ffffff", look.light)

    def paint(self, world: World, camera: Camera, frame: int, lively: bool) -> tuple[Picture, Seen]:
        """Draw the world as the camera sees it; `lively` makes the crowd jump."""
        picture, matrix = self._picture, camera.matrix()
        self._stadium.draw(picture, camera, frame, lively)
        body = bodies(world, self._bystanders)
        people = project_people(body, matrix, camera)
        inside = people_in_view(people, camera)
        self._shadows(matrix, body[inside], people.scale[inside])
        self._goals(matrix, near=False)
        self._balls_beside(matrix, camera)
        ball = ball_in_view(world, matrix, camera)
        self._people_and_ball(world, matrix, people, inside, ball)
        self._goals(matrix, near=True)
        return picture, seen_of(people, inside, ball, camera)

    def _shadows(self, matrix: Array, body: Array, scale: Array) -> None:
        ground = body.copy()
        ground[:, :, :2] += body[:, :, 2:] * self._look.shadow
        ground[:, :, 2] = 0.0
        flat, _ = project(matrix, ground.reshape(-1, 3))
        draw_shadows(self._picture, flat.reshape(*body.shape[:2], 2), scale, self._look.shadow_depth)

    def _people_and_ball(
        self, world: World, matrix: Array, people: Projected, inside: Array, ball: tuple[float, float, float] | None
    ) -> None:
        depth = people.depth.mean(axis=1)
        rows = np.flatnonzero(inside)
        rows = rows[np.argsort(-depth[rows])]
        ball_depth = project(matrix, np.array([[world.ball.x, world.ball.y, world.ball.z]]))[1][0]
        drawn = ball is None
        figures = figures_of(people.points[rows], people.depth[rows], people.scale[rows])
        for person, away, figure in zip(rows.tolist(), depth[rows].tolist(), figures, strict=True):
            if not drawn and away < ball_depth:
                self._ball(world, matrix, ball)
                drawn = True
            draw_person(self._picture, figure, self._wardrobe, person)
        if not drawn:
            self._ball(world, matrix, ball)

    def _balls_beside(self, matrix: Array, camera: Camera) -> None:
        """Balls that are not in play."""
        if self._bystanders is None or not len(self._bystanders.balls):
            return
        places = np.column_stack([self._bystanders.balls, np.full(len(self._bystanders.balls), pitch.BALL_RADIUS_M)])
        points, depth = project(matrix, places)
        for (x, y), away in zip(points, depth, strict=True):
            if away > 1.0 and -50 < x < camera.width + 50 and -50 < y < camera.height + 50:
                radius = max(1.2, 1.15 * pitch.BALL_RADIUS_M * camera.focal_px / float(away))
                centre = (round(float(x) * ONE), round(float(y) * ONE))
                cv2.circle(self._picture, centre, round(radius * ONE), (246, 246, 246), -1, cv2.LINE_AA, SHIFT)

    def _ball(self, world: World, matrix: Array, place: tuple[float, float, float] | None) -> None:
        """The ball, smeared along its way while the shutter is open, and its shadow."""
        if place is None:
            return
        ball = world.ball
        x, y, radius = place
        dark = np.array([[ball.x + ball.z * self._look.shadow[0], ball.y + ball.z * self._look.shadow[1], 0.0]])
        shadow, _ = project(matrix, dark)
        centre = (round(float(shadow[0, 0]) * ONE), round(float(shadow[0, 1]) * ONE))
        axes = (round(radius * ONE), round(radius * 0.5 * ONE))
        grass = tuple(int(c * self._look.shadow_depth * self._look.light) for c in self._look.grass[1])
        cv2.ellipse(self._picture, centre, axes, 0, 0, 360, grass, -1, cv2.LINE_AA, SHIFT)
        open_s = SHUTTER / 25
        before = np.array([[ball.x - ball.vx * open_s, ball.y - ball.vy * open_s, max(0.1, ball.z - ball.vz * open_s)]])
        tail, _ = project(matrix, before)
        point = (round(x * ONE), round(y * ONE))
        if math.hypot(tail[0, 0] - x, tail[0, 1] - y) > radius * 0.7:
            start = (round(float(tail[0, 0]) * ONE), round(float(tail[0, 1]) * ONE))
            cv2.line(self._picture, start, point, (214, 224, 218), max(1, round(radius * 1.6)), cv2.LINE_AA, SHIFT)
        cv2.circle(self._picture, point, round(radius * ONE), (250, 250, 250), -1, cv2.LINE_AA, SHIFT)
        if radius > 4:
            cv2.circle(self._picture, point, round(radius * 0.4 * ONE), (60, 60, 60), -1, cv2.LINE_AA, SHIFT)

    def _goals(self, matrix: Array, near: bool) -> None:
        """Far parts of the goals before the people, the near side's net after them."""
        for side in (-1, 1):
            line = side * pitch.HALF_LENGTH_M
            mouth, _ = project(matrix, np.array([[line, 0.0, 1.0]]))
            margin = self._picture.shape[1] * 0.35
            if not -margin < mouth[0, 0] < self._picture.shape[1] + margin:
                continue
            segments = _near_net(side, self._mesh_m) if near else _far_net(side, self._mesh_m)
            self._segments(matrix, segments, self._net, 1)
            if not near:
                frame = _frame(side)
                scale = float(np.ptp(project(matrix, frame[0])[0][:, 1])) / pitch.GOAL_HEIGHT_M
                self._segments(matrix, frame, self._post, max(1, round(0.12 * scale)))

    def _segments(self, matrix: Array, segments: Array, colour: tuple[int, int, int], thick: int) -> None:
        points, _ = project(matrix, segments.reshape(-1, 3))
        whole = np.rint(points.reshape(-1, 2, 2) * ONE).astype(np.int32)
        cv2.polylines(self._picture, list(whole), False, colour, thick, cv2.LINE_AA, SHIFT)


def _frame(side: int) -> Array:
    """Posts and bar as segments (3, 2, 3)."""
    x, y, z = side * pitch.HALF_LENGTH_M, pitch.GOAL_HALF_WIDTH_M, pitch.GOAL_HEIGHT_M
    return np.array([[[x, y, 0], [x, y, z]], [[x, -y, 0], [x, -y, z]], [[x, y, z], [x, -y, z]]])


def _far_net(side: int, mesh_m: float) -> Array:
    """Back, roof and far side of the net; coarse meshes keep it thin in small pictures."""
    line, deep = side * pitch.HALF_LENGTH_M, side * (pitch.HALF_LENGTH_M + pitch.GOAL_DEPTH_M)
    y, z = pitch.GOAL_HALF_WIDTH_M, pitch.GOAL_HEIGHT_M
    cords = [[[deep, v, 0], [deep, v, z]] for v in np.linspace(-y, y, _cords(2 * y, mesh_m))]
    cords += [[[deep, -y, h], [deep, y, h]] for h in np.linspace(0, z, _cords(z, mesh_m))]
    cords += [[[line, v, z], [deep, v, z]] for v in np.linspace(-y, y, _cords(2 * y, mesh_m))]
    return np.array(cords + _side_net(line, deep, (y, z), mesh_m))


def _near_net(side: int, mesh_m: float) -> Array:
    line, deep = side * pitch.HALF_LENGTH_M, side * (pitch.HALF_LENGTH_M + pitch.GOAL_DEPTH_M)
    return np.array(_side_net(line, deep, (-pitch.GOAL_HALF_WIDTH_M, pitch.GOAL_HEIGHT_M), mesh_m))


def _cords(length_m: float, mesh_m: float) -> int:
    return round(length_m / mesh_m) + 1


def _side_net(line: float, deep: float, flank: tuple[float, float], mesh_m: float) -> list[list[list[float]]]:
    y, z = flank
    cords = [[[v, y, 0.0], [v, y, z]] for v in np.linspace(line, deep, _cords(pitch.GOAL_DEPTH_M, mesh_m))]
    return cords + [[[line, y, h], [deep, y, h]] for h in np.linspace(0, z, _cords(z, mesh_m))]
