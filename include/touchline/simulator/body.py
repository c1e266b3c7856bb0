"""Bodies: from pose to joints in space, for all people at once."""

from __future__ import annotations

import numpy as np

from touchline.simulator.world import PEOPLE, Array, World

HEAD, NECK, HIP_L, HIP_R, KNEE_L, KNEE_R, ANKLE_L, ANKLE_R, TOE_L, TOE_R = range(10)
SHOULDER_L, SHOULDER_R, ELBOW_L, ELBOW_R, HAND_L, HAND_R, PELVIS = range(10, 17)
JOINTS = 17
FULL_DIVE_RAD = 1.35


def joints(world: World) -> Array:
    """Joint positions (25, 17, 3) in metres."""
    speed = np.hypot(world.velocity[:, 0], world.velocity[:, 1])
    lean = np.minimum(0.035 * speed, 0.3) + 0.12 * np.sin(world.kick * np.pi)
    side = np.zeros((PEOPLE, JOINTS, 3))
    _legs(side, world, speed)
    _trunk(side, lean)
    _arms(side, world, speed, lean)
    side *= (world.height_m / 1.80)[:, None, None]
    placed = _face(side, world.heading)
    _fall(placed, world)
    placed[:, :, 2] = np.maximum(placed[:, :, 2], 0.04)
    placed[:, :, :2] += world.position[:, None, :]
    return placed


def _legs(body: Array, world: World, speed: Array) -> None:
    """Thighs swing with the stride, shins fold on the way forward; a kick throws the right leg."""
    swing = np.minimum(0.13 * speed, 0.78)
    for foot, phase, flank in ((0, 0.0, 1.0), (1, np.pi, -1.0)):
        angle = swing * np.sin(world.stride + phase)
        fold = swing * np.maximum(0.15, np.cos(world.stride + phase)) * 1.25
        if foot == 1:
            angle = angle + 1.0 * np.sin(world.kick * np.pi) * (world.kick < 0.75)
        hip, knee, ankle, toe = HIP_L + foot, KNEE_L + foot, ANKLE_L + foot, TOE_L + foot
        body[:, hip] = (0.0, 0.0, 0.94)
        body[:, [hip, knee, ankle, toe], 1] = flank * np.array([0.10, 0.11, 0.11, 0.14])
        body[:, knee, 0] = 0.44 * np.sin(angle)
        body[:, knee, 2] = 0.94 - 0.44 * np.cos(angle)
        body[:, ankle, 0] = body[:, knee, 0] + 0.42 * np.sin(angle - fold)
        body[:, ankle, 2] = body[:, knee, 2] - 0.42 * np.cos(angle - fold)
        body[:, toe, 0] = body[:, ankle, 0] + 0.19 * np.cos(angle - fold)
        body[:, toe, 2] = body[:, ankle, 2] + 0.19 * np.sin(angle - fold) - 0.05


def _trunk(body: Array, lean: Array) -> None:
    body[:, PELVIS] = (0.0, 0.0, 0.96)
    for joint, height, flank in ((NECK, 1.50, 0.0), (SHOULDER_L, 1.44, 0.20), (SHOULDER_R, 1.44, -0.20)):
        body[:, joint, 0] = (height - 0.96) * np.sin(lean)
        body[:, joint, 1] = flank
        body[:, joint, 2] = 0.96 + (height - 0.96) * np.cos(lean)
    body[:, HEAD, 0] = body[:, NECK, 0] + 0.04
    body[:, HEAD, 2] = body[:, NECK, 2] + 0.17


def _arms(body: Array, world: World, speed: Array, lean: Array) -> None:
    """Arms swing against the legs, or go up with `arms`: 0.45 in front of the chest, 1 overhead."""
    swing = np.minimum(0.15 * speed, 0.8)
    for hand, phase, flank in ((0, np.pi, 1.0), (1, 0.0, -1.0)):
        shoulder, elbow, palm = SHOULDER_L + hand, ELBOW_L + hand, HAND_L + hand
        angle = swing * np.sin(world.stride + phase) * (1 - world.arms) + 2.9 * world.arms
        bend = np.minimum(1.5, 0.25 + 0.2 * speed) * (1 - world.arms)
        spread = 0.06 + 0.10 * world.arms
        body[:, elbow, 0] = body[:, shoulder, 0] + 0.29 * np.sin(angle)
        body[:, elbow, 1] = flank * (0.20 + spread)
        body[:, elbow, 2] = body[:, shoulder, 2] - 0.29 * np.cos(angle)
        body[:, palm, 0] = body[:, elbow, 0] + 0.27 * np.sin(angle + bend)
        body[:, palm, 1] = flank * (0.20 + spread)
        body[:, palm, 2] = body[:, elbow, 2] - 0.27 * np.cos(angle + bend)


def _face(body: Array, heading: Array) -> Array:
    """Turn bodies from "forward is +x" to their headings."""
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    return np.stack([body[..., 0] * cos - body[..., 1] * sin, body[..., 0] * sin + body[..., 1] * cos, body[..., 2]], 2)


def _fall(placed: Array, world: World) -> None:
    """Tip diving keepers over sideways along the goal line, in place, with a little flight in the middle."""
    for person in np.flatnonzero(world.dive > 0.01):
        depth = min(1.0, float(world.dive[person]))
        angle = FULL_DIVE_RAD * depth * float(world.dive_side[person])
        y, z = placed[person, :, 1].copy(), placed[person, :, 2].copy()
        placed[person, :, 1] = y * np.cos(angle) + z * np.sin(angle)
        placed[person, :, 2] = np.abs(z * np.cos(angle) - y * np.sin(angle)) + 0.45 * np.sin(np.pi * depth)
