"""What would the seeing side make of a watched match? It errs as a detector and a measurement of motion do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np

from touchline.seeing.sight import Sight
from touchline.simulator.detecting import DetectorNoise, NoisyDetector
from touchline.simulator.watching import HEIGHT, WIDTH, Watched

_SIZE = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT], np.float32)


@dataclass(frozen=True, slots=True)
class SightNoise:
    """How well one match is seen, beside what `DetectorNoise` says; shares from 0 to 1.

    `unknown_shirts`: share of the people whose shirt is not known. `camera_lost`: share of the steps in which motion
    cannot be measured, whatever it is; `pan_lost`: the pan (fractions of the width) at which half of the others are
    lost. `camera_error`: spread of pan and tilt. `cuts_missed`: share; `false_cuts`: per step. `grass_gain` scales the
    share of grass, `grass_error` is its spread.
    """

    unknown_shirts: float
    camera_lost: float
    pan_lost: float
    camera_error: float
    cuts_missed: float
    false_cuts: float
    grass_gain: float
    grass_error: float


DETECTOR_RANGES: Mapping[str, tuple[float, float]] = {
    "missed": (0.0, 0.15), "small_px": (8.0, 40.0), "small_spread": (1.3, 2.5), "hidden": (0.5, 1.0),
    "missed_s": (0.2, 1.0), "jitter": (0.015, 0.1), "false_boxes": (0.0, 2.0), "ball_seen": (0.1, 1.0),
    "ball_px": (3.0, 12.0), "wrong_balls": (0.0, 0.8), "wrong_shirt": (0.0, 0.5), "rim": (0.0, 0.08),
}
SIGHT_RANGES: Mapping[str, tuple[float, float]] = {
    "unknown_shirts": (0.0, 0.4), "camera_lost": (0.0, 0.4), "pan_lost": (0.03, 0.3), "camera_error": (0.0005, 0.006),
    "cuts_missed": (0.0, 0.5), "false_cuts": (0.0, 0.002), "grass_gain": (0.6, 1.1), "grass_error": (0.0, 0.05),
}
"""Wide on purpose, about what docs/accuracy.md says of detectors: noise is what makes the spotter carry over."""
WHOLLY_LOST = 0.12
"""Share of the matches in which the ball, the shirts or the motion are never seen: each by itself."""


def draw_noise(seed: int) -> tuple[DetectorNoise, SightNoise]:
    """How well a detector and the measurement of motion see one match, within the ranges."""
    rng = np.random.default_rng([seed, 15])
    detector = {name: float(rng.uniform(*span)) for name, span in DETECTOR_RANGES.items()}
    sight = {name: float(rng.uniform(*span)) for name, span in SIGHT_RANGES.items()}
    losses = ((detector, "ball_seen", 0.0), (sight, "unknown_shirts", 1.0), (sight, "camera_lost", 1.0))
    for noise, name, lost in losses:
        if rng.random() < WHOLLY_LOST:
            noise[name] = lost
    return DetectorNoise(**detector), SightNoise(**sight)


CLEAR = (DetectorNoise(**dict.fromkeys((one.name for one in fields(DetectorNoise)), 0.0) | {
    "small_px": 1e-6, "small_spread": 2.0, "missed_s": 0.5, "ball_seen": 1.0, "ball_px": 1e-6}),
    SightNoise(0.0, 0.0, 1e6, 0.0, 0.0, 0.0, 1.0, 0.0))
"""Everything is seen as it is."""


def sights_of(watched: Watched, noise: tuple[DetectorNoise, SightNoise], seed: int) -> Iterator[Sight]:
    """Every step of a match as it would be seen with this noise."""
    errs = noise[1]
    rng = np.random.default_rng([seed, 16])
    detector = NoisyDetector(noise[0], seed, WIDTH, HEIGHT)
    for step, is_cut in enumerate(watched.cuts.tolist()):
        found = detector.detect(watched.seen(step))
        shirts = np.array(found.shirts, np.int8)
        shirts[rng.random(len(shirts)) < errs.unknown_shirts] = -1
        ball = (found.ball[0] / WIDTH, found.ball[1] / HEIGHT) if found.ball else None
        is_noticed = rng.random() >= errs.cuts_missed if is_cut else rng.random() < errs.false_cuts
        camera = None if is_cut else _measured(watched.camera[step].tolist(), errs, rng)
        grass = float(np.clip(watched.grass[step] * errs.grass_gain + rng.normal(0, errs.grass_error), 0, 1))
        yield Sight((found.people / _SIZE).astype(np.float32), shirts, ball, camera, bool(is_noticed), grass)


def _measured(motion: list[float], errs: SightNoise, rng: np.random.Generator) -> tuple[float, float, float] | None:
    pan, tilt, zoom = motion
    lost = 1 - (1 - errs.camera_lost) / (1 + (pan / errs.pan_lost) ** 4)
    if rng.random() < lost:
        return None
    shake = rng.normal(0, errs.camera_error, 3).tolist()
    return pan + shake[0], tilt + shake[1], zoom + 2 * shake[2]
