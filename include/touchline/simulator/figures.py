"""People and the ball, drawn from their joints."""

from __future__ import annotations

import cv2
import numpy as np

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
Point = tuple[int, int]


class Wardrobe:
    """Colours of everybody's clothes, skin and hair: of the 25 on the pitch, and of 25 beside it."""

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
        self.boots = [bgr(c, light) for c in ("#111111", "#f0f0f0", "#d9e021", "#e23a2e", "#1f6fd0")]


def _clothes(look: Look, person: int) -> tuple[str, str, str]:
    if person >= 22:
        return look.referee, "#101014", "#101014"
    team = team_of(person)
    if person in KEEPERS:
        return look.keepers[team], "#101014" if team == HOME else look.keepers[team], look.keepers[team]
    return look.kits[team], look.shorts[team], look.kits[team] if team == AWAY else look.shorts[team]


def draw_shadow(picture: Picture, flat: Array, scale: float, depth: float) -> None:
    """Darken the ground along the bones of one person, given as picture points (17, 2)."""
    thick = max(1, round(0.2 * scale))
    low = np.floor(flat.min(axis=0)).astype(int) - thick
    high = np.ceil(flat.max(axis=0)).astype(int) + thick
    x1, y1 = max(0, low[0]), max(0, low[1])
    x2, y2 = min(picture.shape[1], high[0]), min(picture.shape[0], high[1])
    if x2 - x1 < 2 or y2 - y1 < 2:
        return
    mask = np.zeros((y2 - y1, x2 - x1), np.uint8)
    points = np.rint((flat - (x1, y1)) * ONE).astype(int).tolist()
    for start, end in SHADOW_BONES:
        cv2.line(mask, points[start], points[end], 255, thick, cv2.LINE_8, SHIFT)
    patch = picture[y1:y2, x1:x2]
    cv2.copyTo(cv2.convertScaleAbs(patch, alpha=depth), mask, patch)


def draw_person(picture: Picture, seen: Array, depth: Array, scale: float, wardrobe: Wardrobe, person: int) -> None:
    """Draw one person from joints in the picture (17, 2), far limbs first; `scale` is pixels per metre."""
    points: list[Point] = np.rint(seen * ONE).astype(int).tolist()
    far_leg = 0 if depth[b.KNEE_L] > depth[b.KNEE_R] else 1
    far_arm = 0 if depth[b.ELBOW_L] > depth[b.ELBOW_R] else 1
    _arm(picture, points, ARMS[far_arm], scale, wardrobe, person)
    _leg(picture, points, LIMBS[far_leg], scale, wardrobe, person)
    _leg(picture, points, LIMBS[1 - far_leg], scale, wardrobe, person)
    _trunk(picture, points, scale, wardrobe, person)
    _head(picture, points, scale, wardrobe, person)
    _arm(picture, points, ARMS[1 - far_arm], scale, wardrobe, person)


def _stroke(picture: Picture, start: Point, end: Point, colour: Colour, width_px: float) -> None:
    cv2.line(picture, start, end, colour, max(1, round(width_px)), cv2.LINE_AA, SHIFT)


def _between(start: Point, end: Point, share: float) -> Point:
    return round(start[0] + (end[0] - start[0]) * share), round(start[1] + (end[1] - start[1]) * share)


def _leg(
    picture: Picture, points: list[Point], leg: tuple[int, int, int, int], scale: float, wardrobe: Wardrobe, who: int
) -> None:
    hip, knee, ankle, toe = (points[joint] for joint in leg)
    hem = _between(hip, knee, 0.62)
    _stroke(picture, hem, knee, wardrobe.skin[who], 0.13 * scale)
    _stroke(picture, knee, ankle, wardrobe.socks[who], 0.11 * scale)
    _stroke(picture, ankle, toe, wardrobe.boots[who % 5], 0.09 * scale)
    _stroke(picture, hip, hem, wardrobe.shorts[who], 0.20 * scale)


def _arm(
    picture: Picture, points: list[Point], arm: tuple[int, int, int], scale: float, wardrobe: Wardrobe, who: int
) -> None:
    shoulder, elbow, hand = (points[joint] for joint in arm)
    cuff = _between(shoulder, elbow, 0.75) if who not in KEEPERS else elbow
    _stroke(picture, cuff, elbow, wardrobe.skin[who], 0.08 * scale)
    lower = wardrobe.shirt[who] if who in KEEPERS else wardrobe.skin[who]
    _stroke(picture, elbow, hand, lower, 0.075 * scale)
    _stroke(picture, shoulder, cuff, wardrobe.shirt[who], 0.115 * scale)
    if who in KEEPERS:
        cv2.circle(picture, hand, round(0.07 * scale * ONE), (235, 235, 235), -1, cv2.LINE_AA, SHIFT)


def _trunk(picture: Picture, points: list[Point], scale: float, wardrobe: Wardrobe, who: int) -> None:
    shirt = wardrobe.shirt[who]
    pelvis, neck = points[b.PELVIS], points[b.NECK]
    _stroke(picture, _between(pelvis, neck, -0.06), _between(pelvis, neck, 0.08), wardrobe.shorts[who], 0.30 * scale)
    _stroke(picture, _between(pelvis, neck, 0.2), _between(pelvis, neck, 0.82), shirt, 0.27 * scale)
    left, right = points[b.SHOULDER_L], points[b.SHOULDER_R]
    waist = [_between(right, points[b.HIP_R], 0.85), _between(left, points[b.HIP_L], 0.85)]
    outline = np.array([left, right, *waist], np.int32)
    cv2.fillPoly(picture, [outline], shirt, cv2.LINE_AA, SHIFT)
    _stroke(picture, left, right, shirt, 0.13 * scale)


def _head(picture: Picture, points: list[Point], scale: float, wardrobe: Wardrobe, who: int) -> None:
    neck, head = points[b.NECK], points[b.HEAD]
    _stroke(picture, neck, head, wardrobe.skin[who], 0.10 * scale)
    radius = max(ONE // 2, round(0.115 * scale * ONE))
    cv2.circle(picture, head, radius, wardrobe.skin[who], -1, cv2.LINE_AA, SHIFT)
    lift = round(0.04 * scale * ONE)
    cv2.circle(picture, (head[0], head[1] - lift), round(radius * 0.92), wardrobe.hair[who], -1, cv2.LINE_AA, SHIFT)
