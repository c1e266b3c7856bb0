"""The ground, the boards and the stands: flat textures made once, and seen in perspective."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from touchline.simulator import pitch
from touchline.simulator.camera import Camera
from touchline.simulator.look import Colour, Look, bgr
from touchline.simulator.world import Array

Picture = NDArray[np.uint8]

APRON_M = 9.0
"""Ground beyond the lines that is drawn."""
WORDS = ("TOUCHLINE", "FAIR PLAY", "GRASSROOTS", "MATCH FILM", "COACH'S EYE", "EVERY TOUCH", "PLAY ON")
NEAR_M = 0.2
"""What is nearer to the camera is not drawn."""
FINER, WIDER = 1.15, (1.5, 1.35)
"""How much finer than the picture a view is painted that is to serve many frames, and how much wider and higher."""
COARSEST = 1.05
"""By so much a view may be enlarged."""
STAYS_FRAMES = 3
"""A camera that did not move for so many frames will stay."""
SHIFT = 4
"""OpenCV draws at fractions of a pixel: coordinates carry this many binary places."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A texture in space: pixel (u, v) lies at corner + u * across + v * down (metres)."""

    texture: Picture
    corner: tuple[float, float, float]
    across: tuple[float, float, float]
    down: tuple[float, float, float]

    def draw(self, picture: Picture, camera: Array) -> None:
        """Draw the plane over `picture` (BGRA, as the texture), only where it can be."""
        move = camera[:, :3]
        toward = np.column_stack([move @ self.across, move @ self.down, move @ self.corner + camera[:, 3]])
        frame = _frame(toward, self.texture, picture.shape)
        if frame is None:
            return
        left, top, right, bottom = frame
        toward = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ toward
        part = picture[top:bottom, left:right]
        in_front = _in_front(toward, part.shape)
        drawn = part if in_front is None else part.copy()
        cv2.warpPerspective(self.texture, toward, (right - left, bottom - top), dst=drawn, flags=cv2.INTER_LINEAR,
                            borderMode=cv2.BORDER_TRANSPARENT)
        if in_front is not None:
            cv2.copyTo(drawn, in_front, part)


def _in_front(toward: Array, shape: tuple[int, ...]) -> Picture | None:
    """Mask of the pixels in which the plane lies before the camera; None where that is everywhere.

    The plane behind the camera would appear upside down above the horizon.
    """
    s = np.linalg.inv(toward)[2]
    across, down = s[0] * np.arange(shape[1]), s[1] * np.arange(shape[0]) + s[2]
    if min(across[0], across[-1]) + min(down[0], down[-1]) > 0:
        return None
    return (across[None, :] > -down[:, None]).view(np.uint8)


def _frame(toward: Array, image: Picture, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of what the texture can cover; None if it is out of the picture."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1.0]]) @ toward.T
    seen = _before(corners)
    if not len(seen):
        return None
    places = seen[:, :2] / seen[:, 2:]
    left, top = np.floor(places.min(axis=0).clip(0, shape[1::-1])).astype(int).tolist()
    right, bottom = np.ceil((places.max(axis=0) + 1).clip(0, shape[1::-1])).astype(int).tolist()
    return (left, top, right, bottom) if right - left > 1 and bottom - top > 1 else None


def _before(corners: Array) -> Array:
    """The part of a polygon (N, 3), whose depths are in its last column, that is at least NEAR_M before the camera."""
    kept = []
    for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if one[2] > NEAR_M:
            kept.append(one)
        if (one[2] > NEAR_M) != (other[2] > NEAR_M):
            kept.append(one + (other - one) * (NEAR_M - one[2]) / (other[2] - one[2]))
    return np.array(kept)


@dataclass(slots=True)
class Scenery:
    """Planes, far to near, before a sky. Nothing in it moves.

    A camera that stays where it is and only turns and zooms sees one picture from another side: that is painted
    once, wider than the camera sees, and again only when the camera looks beyond it.
    """

    sky: Colour
    planes: tuple[Plane, ...]
    _view: Picture | None = None
    _wide: Camera | None = None
    """What painted `_view`."""
    _turned: Picture | None = None
    """Reused: to get new memory for each frame costs time."""
    _last: Camera | None = None
    _stays: int = 0

    def draw(self, picture: Picture, camera: Camera) -> None:
        """Draw it all over `picture` (BGR)."""
        self._stays = self._stays + 1 if self._last is not None and self._last.place == camera.place else 0
        self._last = camera
        if (self._wide is None or not _covers(self._wide, camera)) and self._stays >= STAYS_FRAMES:
            self._wide = replace(camera, focal_px=camera.focal_px * FINER, width=round(camera.width * FINER * WIDER[0]),
                                 height=round(camera.height * FINER * WIDER[1]))
            self._view = self._paint(self._wide)
        if self._view is None or self._wide is None or not _covers(self._wide, camera):
            cv2.cvtColor(self._paint(camera), cv2.COLOR_BGRA2BGR, dst=picture)
            return
        self._turned = np.asarray(cv2.warpPerspective(
            self._view, _turn(self._wide, camera), (camera.width, camera.height), dst=self._turned,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.uint8)
        cv2.cvtColor(self._turned, cv2.COLOR_BGRA2BGR, dst=picture)

    def _paint(self, camera: Camera) -> Picture:
        """All planes as the camera sees them, in BGRA: OpenCV warps four channels twice as fast as three."""
        painted: Picture = np.empty((camera.height, camera.width, 4), np.uint8)
        painted[:] = (*self.sky, 255)
        matrix = camera.matrix()
        for plane in self.planes:
            plane.draw(painted, matrix)
        return painted


def _turn(wide: Camera, camera: Camera) -> Array:
    """Where each pixel of the camera lies in the picture of another one at the same place: (3, 3)."""
    return wide.matrix()[:, :3] @ np.linalg.inv(camera.matrix()[:, :3])


def _covers(wide: Camera, camera: Camera) -> bool:
    """Does the picture of `wide` hold all that `camera` sees, and about as finely?"""
    if wide.place != camera.place or camera.focal_px > wide.focal_px * COARSEST:
        return False
    width, height = camera.width, camera.height
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1.0]]) @ _turn(wide, camera).T
    if corners[:, 2].min() <= 0:
        return False
    places = corners[:, :2] / corners[:, 2:]
    return bool(places.min() >= 0 and (places.max(axis=0) <= (wide.width - 1, wide.height - 1)).all())


@dataclass(frozen=True, slots=True)
class Stadium:
    """What is around the match, with a calm crowd and with one on its feet; a park has no crowd."""

    calm: Scenery
    jumping: Scenery
    ground: Plane

    def draw(self, picture: Picture, camera: Camera, frame: int, lively: bool) -> None:
        """Draw everything that is not a person, a ball or a goal."""
        (self.jumping if lively and frame // 4 % 2 else self.calm).draw(picture, camera)


def build_stadium(look: Look, seed: int, width: int, *, is_park: bool = False) -> Stadium:
    """Make the textures, as fine as a picture `width` pixels wide needs.

    A park has trees around the pitch instead of stands and boards, and grass up to them.
    """
    rng = np.random.default_rng([seed, 3])
    per_m = int(np.clip(width / 1280 * 22, 8, 26))
    end_x, side_y = pitch.HALF_LENGTH_M, pitch.HALF_WIDTH_M
    stand_y, end = side_y + 9.0, end_x + 30.0
    seats = max(4, per_m // 3)
    step = 1 / seats
    back, ends = (-21 / 26 * step, -14.3 / 26 * step), (-20 / 24 * step, -13.5 / 24 * step)
    stands = (
        Plane(_crowd(rng, look, 190, 26, seats), (-95.0, stand_y + 21, 15.5), (step, 0, 0), (0, *back)),
        Plane(_crowd(rng, look, 100, 24, seats), (end, stand_y + 6, 14.5), (0, -step, 0), (ends[0], 0, ends[1])),
        Plane(_crowd(rng, look, 100, 24, seats), (-end, stand_y - 94, 14.5), (0, step, 0), (-ends[0], 0, ends[1])),
    )
    if is_park:
        return _park(rng, look, per_m)
    apron = bgr("#3d5a3a", look.light)
    floor = Plane(_opaque(np.full((65, 130, 3), apron, np.uint8)), (-130.0, 0.0, 0.0), (2.0, 0, 0), (0, -2.0, 0))
    crowds = [_jump(rng, plane.texture, seats) for plane in stands]
    ground = _ground(rng, look, per_m, apron)
    rest = (floor, ground, *_boards(rng, look, max(10, per_m)))
    sky = bgr("#20242c", look.light)
    jumping = tuple(replace(plane, texture=crowd) for plane, crowd in zip(stands, crowds, strict=True))
    return Stadium(Scenery(sky, stands + rest), Scenery(sky, jumping + rest), ground)


def _park(rng: np.random.Generator, look: Look, per_m: int) -> Stadium:
    """Trees, sky and grass."""
    blue, green, red = (int(c * 0.92) for c in look.grass[0])
    apron = (blue, green, red)
    sky = bgr(str(rng.choice(["#b9d3ea", "#c9ced2", "#8fb7e0", "#dfe3e6"])), look.light)
    away, tall = float(rng.uniform(3, 22)), float(rng.uniform(3, 13))
    far_y, end_x = pitch.HALF_WIDTH_M + APRON_M + away, pitch.HALF_LENGTH_M + APRON_M + away
    dots = max(3, per_m // 4)
    step = 1 / dots
    trees = [_trees(rng, look, round(length * dots), round(tall * dots)) for length in (260.0, 180.0, 180.0)]
    meadow = (np.array(apron) * rng.uniform(0.92, 1.08, (90, 130, 1))).astype(np.uint8)
    around = (
        Plane(_opaque(meadow), (-130.0, far_y, 0.0), (2.0, 0, 0), (0, -2.0, 0)),
        Plane(trees[0], (-130.0, far_y, tall), (step, 0, 0), (0, 0, -step)),
        Plane(trees[1], (end_x, far_y, tall), (0, -step, 0), (0, 0, -step)),
        Plane(trees[2], (-end_x, far_y - 180.0, tall), (0, step, 0), (0, 0, -step)),
    )
    ground = _ground(rng, look, per_m, apron)
    scenery = Scenery(sky, (*around, ground))
    return Stadium(scenery, scenery, ground)


def _opaque(picture: Picture) -> Picture:
    """In four channels."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA), np.uint8)


def _trees(rng: np.random.Generator, look: Look, width: int, height: int) -> Picture:
    """Leaves in many greens, darker towards the ground."""
    coarse = rng.uniform(0.55, 1.2, (max(2, height // 4), max(2, width // 5))).astype(np.float32)
    leaves = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    leaves *= rng.uniform(0.8, 1.2, (height, width)) * np.linspace(1.15, 0.6, height)[:, None]
    green = np.array(bgr(str(rng.choice(["#3f5d32", "#4f6b3a", "#2f4a2c", "#6a6b3f"])), look.light))
    return _opaque(np.clip(leaves[:, :, None] * green, 0, 255).astype(np.uint8))


def _crowd(rng: np.random.Generator, look: Look, length_m: int, depth_m: int, seats: int) -> Picture:
    """People on seats: one coloured dot each, a head above it, empty seats, stairs and a rail."""
    columns, rows = length_m * 2, depth_m
    colours = np.array([bgr(c, look.light * 0.8) for c in look.crowd], dtype=np.float32)
    body = colours[rng.integers(0, len(colours), (rows, columns))] * rng.uniform(0.75, 1.35, (rows, columns, 1))
    empty = rng.random((rows, columns)) > look.crowd_fill
    body[empty] = np.array(bgr("#4a5564", look.light * 0.7))
    body[:, ::24] = np.array(bgr("#7b7f86", look.light * 0.7))
    picture = np.repeat(body, 3, axis=0)
    skin = np.array(bgr("#c99a72", look.light * 0.8)) * rng.uniform(0.6, 1.1, (rows, columns, 1))
    picture[0::3] = np.where(empty[:, :, None], picture[0::3], skin)
    picture[2::3] *= 0.55
    picture = np.repeat(picture, 3, axis=1)
    picture[:, 2::3] *= 0.5
    picture[0::3, 0::3] *= 0.75
    fine: Picture = np.clip(picture, 0, 255).astype(np.uint8)
    crowd = np.asarray(cv2.resize(fine, (length_m * seats, depth_m * seats), interpolation=cv2.INTER_AREA), np.uint8)
    crowd[-max(1, seats) :] = bgr("#8a8f98", look.light * 0.7)
    return _opaque(crowd)


def _jump(rng: np.random.Generator, texture: Picture, seats: int) -> Picture:
    """The same crowd on its feet: shifted by half a row and brighter here and there."""
    lifted = np.roll(texture, -max(1, seats // 2), axis=0).astype(np.float32)
    wave = cv2.resize(rng.uniform(0.8, 1.35, (8, 40)).astype(np.float32), texture.shape[1::-1])
    return np.clip(lifted * wave[:, :, None], 0, 255).astype(np.uint8)


def _ground(rng: np.random.Generator, look: Look, per_m: int, apron: Colour) -> Plane:
    """Grass in stripes with the lines of Law 1, and what lies around it."""
    size = (2 * pitch.HALF_LENGTH_M + 2 * APRON_M, 2 * pitch.HALF_WIDTH_M + 2 * APRON_M)
    width, height = int(size[0] * per_m), int(size[1] * per_m)
    xs = np.arange(width) / per_m - size[0] / 2
    ys = size[1] / 2 - np.arange(height) / per_m
    shade = _stripes(look, xs, ys)
    light, dark = (np.array(c, dtype=np.float32) for c in look.grass)
    colours = light * shade[:, :, None] + dark * (1 - shade[:, :, None])
    outside = (np.abs(xs)[None, :] > pitch.HALF_LENGTH_M + 3) | (np.abs(ys)[:, None] > pitch.HALF_WIDTH_M + 3)
    colours[outside] = apron
    colours *= _wear(rng, width, height) * look.light
    picture: Picture = np.clip(colours, 0, 255).astype(np.uint8)
    _draw_lines(picture, per_m, size, bgr("#eef2ea", look.light))
    return Plane(_opaque(picture), (-size[0] / 2, size[1] / 2, 0.0), (1 / per_m, 0, 0), (0, -1 / per_m, 0))


def _stripes(look: Look, xs: Array, ys: Array) -> Array:
    """1 where the mower went away from the camera, 0 where it came."""
    across = (np.floor((xs + pitch.HALF_LENGTH_M) / 5.25) % 2)[None, :]
    along = (np.floor((ys + pitch.HALF_WIDTH_M) / 5.67) % 2)[:, None]
    if look.stripes == "check":
        return (across + along) / 2
    if look.stripes == "plain":
        return np.full((len(ys), len(xs)), 0.5)
    return np.repeat(across, len(ys), axis=0)


def _wear(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """Brightness of the grass, blotchy at two scales."""
    blotches = rng.normal(1, 0.05, (14, 20)).astype(np.float32)
    coarse = cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.normal(0, 0.05, (height // 3, width // 3)).astype(np.float32), (width, height))
    return np.clip(coarse + fine, 0.75, 1.25)[:, :, None]


def _draw_lines(picture: Picture, per_m: int, size: tuple[float, float], colour: Colour) -> None:
    """Touchlines, halfway line, circle, areas, spots and corner arcs."""

    def at(x: float, y: float) -> tuple[int, int]:
        scale = per_m * 2**SHIFT
        return round((x + size[0] / 2) * scale), round((size[1] / 2 - y) * scale)

    pen = (colour, max(1, round(pitch.LINE_WIDTH_M * per_m)), cv2.LINE_AA, SHIFT)
    dot = (colour, -1, cv2.LINE_AA, SHIFT)
    end, side = pitch.HALF_LENGTH_M, pitch.HALF_WIDTH_M
    cv2.rectangle(picture, at(-end, side), at(end, -side), *pen)
    cv2.line(picture, at(0, side), at(0, -side), *pen)
    radius = round(pitch.CIRCLE_RADIUS_M * per_m * 2**SHIFT)
    cv2.circle(picture, at(0, 0), radius, *pen)
    spot = round(0.18 * per_m * 2**SHIFT)
    cv2.circle(picture, at(0, 0), spot, *dot)
    for sign in (-1, 1):
        for depth, half in (
            (pitch.PENALTY_AREA_DEPTH_M, pitch.PENALTY_AREA_HALF_WIDTH_M),
            (pitch.GOAL_AREA_DEPTH_M, pitch.GOAL_AREA_HALF_WIDTH_M),
        ):
            cv2.rectangle(picture, at(sign * end, half), at(sign * (end - depth), -half), *pen)
        centre = at(sign * (end - pitch.PENALTY_SPOT_M), 0)
        cv2.circle(picture, centre, spot, *dot)
        middle = 180 if sign > 0 else 0
        cv2.ellipse(picture, centre, (radius, radius), 0, middle - 53, middle + 53, *pen)
        for flank in (-1, 1):
            arc = round(pitch.CORNER_RADIUS_M * per_m * 2**SHIFT)
            start = {(-1, 1): 0, (1, 1): 90, (1, -1): 180, (-1, -1): 270}[(sign, flank)]
            cv2.ellipse(picture, at(sign * end, flank * side), (arc, arc), 0, start, start + 90, *pen)


def _boards(rng: np.random.Generator, look: Look, per_m: int) -> tuple[Plane, ...]:
    """Advertising boards one metre high on the far side and behind both goals."""
    far_y = pitch.HALF_WIDTH_M + pitch.BOARD_GAP_M
    end_x = pitch.HALF_LENGTH_M + pitch.BOARD_GAP_M + 1.0
    step = 1 / per_m
    far = _board(rng, look, round(2 * end_x * per_m), per_m)
    ends = [_board(rng, look, round(2 * far_y * per_m), per_m) for _ in range(2)]
    return (
        Plane(far, (-end_x, far_y, 1.0), (step, 0, 0), (0, 0, -step)),
        Plane(ends[0], (end_x, far_y, 1.0), (0, -step, 0), (0, 0, -step)),
        Plane(ends[1], (-end_x, -far_y, 1.0), (0, step, 0), (0, 0, -step)),
    )


def _board(rng: np.random.Generator, look: Look, width: int, height: int) -> Picture:
    """A row of boards with words in strong colours."""
    picture = np.zeros((height, width, 3), np.uint8)
    length = height * 9
    for number, start in enumerate(range(0, width, length)):
        ground = tuple(int(c) for c in rng.integers(10, 190, 3))
        ink = (245, 245, 245) if sum(ground) < 330 else (20, 20, 20)
        panel = picture[:, start : start + length]
        panel[:] = ground
        word = WORDS[(number + int(rng.integers(0, 3))) % len(WORDS)]
        place, thick = (height // 2, round(height * 0.78)), max(1, height // 12)
        cv2.putText(panel, word, place, cv2.FONT_HERSHEY_DUPLEX, height / 32, ink, thick, cv2.LINE_AA)
    return _opaque(np.clip(picture * look.light, 0, 255).astype(np.uint8))
