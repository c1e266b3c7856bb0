"""People and the ball, drawn from their joints."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from touchline.simulator import body as b
from touchline.simulator.look import Colour, Look, bgr
from touchline.simulator.stadium import SHIFT, Picture
from touchline.simulator.world import AWAY, HOME, KEEPERS, PEOPLE, Array, team_of

ONE = 2**SHIFT
LIMBS = ((b.HIP_L, b.KNEE_L, b.ANKLE_L, b.TOE_L), (b.HIP_R, b.KNEE_R, b.ANKLE_R, b.TOE_R))
ARMS = ((b.SHOULDER_L, b.ELBOW_L, b.HAND_L), (b.SHOULDER_R, b.ELBOW_R, b.HAND_R))
SHADOW_BONES = (
    (b.HEAD, b.PELVIS), (b.HIP_L, b.KNEE_L), (b.KNEE_L, b.ANKLE_L), (b.HIP_R, b.KNEE_R), (b.KNEE_R, b.ANKLE_R),
    (b.SHOULDER_L, b.ELBOW_L), (b.SHOULDER_R, b.ELBOW_R),
)  # fmt: skip
ARM_M, LEG_M = (0.08, 0.075, 0.115, 0.14), (0.13, 0.11, 0.09, 0.20)
WIDTHS_M = np.array([*ARM_M, *LEG_M, *LEG_M, 0.30, 0.27, 0.13, 0.10, *ARM_M])
"""Of a figure's strokes: far arm, legs, trunk, near arm."""
TRUNK, HEAD = 14, 16
"""So many strokes lie behind the trunk, and behind the head."""
GLOVES: Colour = (235, 235, 235)
Point = tuple[int, int]


class Wardrobe:
    """Colours of everybody's clothes, skin and hair: of the 25 on the pitch, and of 25 beside it.

    `colours` are those of a figure's strokes; None: not drawn.
    """

    def __init__(self, look: Look, seed: int) -> None:
        light = look.light
        self.skin = [bgr(c, light) for c in look.skins * 2]
        self.hair = [bgr(c, light) for c in look.hairs * 2]
        self.shirt, self.shorts, self.socks = [], [], []
        for person in range(PEOPLE):
            shirt, shorts, socks = _clothes(look, person)
            self.shirt.append(bgr(shirt, light))
            self.shorts.append(bgr(shorts, light))
            self.socks.append(bgr(socks, light))
        rng = np.random.default_rng([seed, 11])
        everyday = (*look.kits, "#2b2b33", "#3a5a8c", "#8c3a3a", "#d8d8d8", "#7a6a5a", "#556b2f", "#111111")
        for clothes in (self.shirt, self.shorts, self.socks):
            clothes += [bgr(str(colour), light) for colour in rng.choice(everyday, PEOPLE)]
        boots = [bgr(c, light) for c in ("#111111", "#f0f0f0", "#d9e021", "#e23a2e", "#1f6fd0")]
        self.colours = [self._colours(person, boots[person % 5]) for person in range(len(self.shirt))]

    def _colours(self, person: int, boots: Colour) -> list[Colour | None]:
        skin, shirt, shorts = self.skin[person], self.shirt[person], self.shorts[person]
        arm = [shirt, shirt, shirt, GLOVES] if person in KEEPERS else [skin, skin, shirt, None]
        leg = [skin, self.socks[person], boots, shorts]
        return [*arm, *leg, *leg, shorts, shirt, shirt, skin, *arm]


def _clothes(look: Look, person: int) -> tuple[str, str, str]:
    if person >= 22:
        return look.referee, "#101014", "#101014"
    team = team_of(person)
    if person in KEEPERS:
        return look.keepers[team], "#101014" if team == HOME else look.keepers[team], look.keepers[team]
    return look.kits[team], look.shorts[team], look.kits[team] if team == AWAY else look.shorts[team]


def draw_shadows(picture: Picture, flat: Array, scale: Array, depth: float) -> None:
    """Darken the ground along the bones of people, given as picture points (N, 17, 2); `scale` is pixels per metre."""
    thick = np.maximum(1, np.rint(0.2 * scale)).astype(int)
    size = picture.shape[1::-1]
    low = np.clip(np.floor(flat.min(axis=1)).astype(int) - thick[:, None], 0, size)
    high = np.clip(np.ceil(flat.max(axis=1)).astype(int) + thick[:, None], 0, size)
    bones = np.rint((flat[:, SHADOW_BONES] - low[:, None, None]) * ONE).astype(np.int32, order="C")
    for (x1, y1), (x2, y2), bone, width in zip(low.tolist(), high.tolist(), bones, thick.tolist(), strict=True):
        if x2 - x1 < 2 or y2 - y1 < 2:
            continue
        mask = np.zeros((y2 - y1, x2 - x1), np.uint8)
        cv2.polylines(mask, bone, False, 255, width, cv2.LINE_8, SHIFT)  # type: ignore[call-overload]
        patch = picture[y1:y2, x1:x2]
        cv2.copyTo(cv2.convertScaleAbs(patch, alpha=depth), mask, patch)


@dataclass(frozen=True, slots=True)
class Figure:
    """One person in the picture, in whole parts of a pixel: strokes (start, end), their widths in pixels, the trunk's
    outline (4, 2), the middle of the head and its radius.
    """

    strokes: list[tuple[Point, Point]]
    widths: list[int]
    trunk: NDArray[np.int32]
    head: Point
    radius: int


def figures_of(points: Array, depth: Array, scale: Array) -> list[Figure]:
    """People from their joints in the picture (N, 17, 2), the depths of these (N, 17), and pixels per metre (N,)."""
    everybody = np.arange(len(points))[:, None]
    left_leg_is_far = depth[:, b.KNEE_L] > depth[:, b.KNEE_R]
    left_arm_is_far = depth[:, b.ELBOW_L] > depth[:, b.ELBOW_R]
    legs = [points[everybody, np.where(side[:, None], *LIMBS)] for side in (left_leg_is_far, ~left_leg_is_far)]
    arms = [points[everybody, np.where(side[:, None], *ARMS)] for side in (left_arm_is_far, ~left_arm_is_far)]
    strokes = np.stack([*_arm(arms[0]), *_leg(legs[0]), *_leg(legs[1]), *_trunk(points), *_arm(arms[1])], axis=1)
    left, right = points[:, b.SHOULDER_L], points[:, b.SHOULDER_R]
    waist = _between(right, points[:, b.HIP_R], 0.85), _between(left, points[:, b.HIP_L], 0.85)
    trunks = _parts(np.stack([left, right, *waist], axis=1))
    widths = np.maximum(1, np.rint(np.outer(scale, WIDTHS_M))).astype(int).tolist()
    radii = np.maximum(ONE // 2, np.rint(0.115 * scale * ONE)).astype(int).tolist()
    rows = zip(_parts(strokes).tolist(), widths, trunks, _parts(points[:, b.HEAD]).tolist(), radii, strict=True)
    return [Figure(*row) for row in rows]


def draw_person(picture: Picture, figure: Figure, wardrobe: Wardrobe, person: int) -> None:
    """Draw one person, far limbs first."""
    strokes = list(zip(figure.strokes, figure.widths, wardrobe.colours[person], strict=True))
    _draw_strokes(picture, strokes[:TRUNK])
    cv2.fillPoly(picture, [figure.trunk], wardrobe.shirt[person], cv2.LINE_AA, SHIFT)
    _draw_strokes(picture, strokes[TRUNK:HEAD])
    (x, y), radius = figure.head, figure.radius
    cv2.circle(picture, (x, y), radius, wardrobe.skin[person], -1, cv2.LINE_AA, SHIFT)
    hair = (x, y - round(radius * 0.35))
    cv2.circle(picture, hair, round(radius * 0.92), wardrobe.hair[person], -1, cv2.LINE_AA, SHIFT)
    _draw_strokes(picture, strokes[HEAD:])


def _draw_strokes(picture: Picture, strokes: list[tuple[tuple[Point, Point], int, Colour | None]]) -> None:
    for (start, end), width, colour in strokes:
        if colour is not None:
            cv2.line(picture, start, end, colour, width, cv2.LINE_AA, SHIFT)


def _parts(points: Array) -> NDArray[np.int32]:
    return np.rint(points * ONE).astype(np.int32)


def _stroke(start: Array, end: Array) -> Array:
    """(N, 2, 2) from two times (N, 2)."""
    return np.stack([start, end], axis=1)


def _between(start: Array, end: Array, share: float) -> Array:
    return start + (end - start) * share


def _arm(joints: Array) -> list[Array]:
    """Bare or sleeved elbow, forearm, sleeve and a keeper's glove."""
    shoulder, elbow, hand = joints.swapaxes(0, 1)
    cuff = _between(shoulder, elbow, 0.75)
    return [_stroke(cuff, elbow), _stroke(elbow, hand), _stroke(shoulder, cuff), _stroke(hand, hand)]


def _leg(joints: Array) -> list[Array]:
    """Knee, sock, boot and shorts."""
    hip, knee, ankle, toe = joints.swapaxes(0, 1)
    hem = _between(hip, knee, 0.62)
    return [_stroke(hem, knee), _stroke(knee, ankle), _stroke(ankle, toe), _stroke(hip, hem)]


def _trunk(points: Array) -> list[Array]:
    """Hips, back, shoulders and neck."""
    pelvis, neck = points[:, b.PELVIS], points[:, b.NECK]
    return [
        _stroke(_between(pelvis, neck, -0.06), _between(pelvis, neck, 0.08)),
        _stroke(_between(pelvis, neck, 0.2), _between(pelvis, neck, 0.82)),
        _stroke(points[:, b.SHOULDER_L], points[:, b.SHOULDER_R]),
        _stroke(neck, points[:, b.HEAD]),
    ]
