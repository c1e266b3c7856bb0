"""What would the seeing side make of a watched match? It errs as a detector and a measurement of motion do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from statistics import NormalDist

import numpy as np

from touchline.seeing.sight import SHIRTS, STEP_MS, Sight
from touchline.simulator.detecting import DetectorNoise, NoisyDetector
from touchline.simulator.watching import HEIGHT, WIDTH, Watched

KEEPERS = (SHIRTS.index("home keeper"), SHIRTS.index("away keeper"))
_SIZE = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT], np.float32)


@dataclass(frozen=True, slots=True)
class SightNoise:
    """How well one match is seen, beside what `DetectorNoise` says; shares from 0 to 1.

    `unknown_shirts`: share of the people whose shirt is not known. `camera_lost`: share of the steps in which motion
    cannot be measured, whatever it is; `pan_lost`: the pan (fractions of the width) at which half of the others are
    lost. `camera_error`: spread of pan and tilt. `cuts_missed`: share; `false_cuts`: per step. `grass_gain` scales the
    share of grass, `grass_error` is its spread. `part`: the share of the picture's width and height that is shown, its
    middle at `part_x`, `part_y` (0: as far left or up as it can be, 1: right, down). `taken_for`: (shirt, shirt that is
    seen instead) all match long, as indices of SHIRTS; -1 is unknown. `keepers_missed`: share of the steps, for seconds
    on end, in which a keeper is not found before net and boards.
    """

    unknown_shirts: float
    camera_lost: float
    pan_lost: float
    camera_error: float
    cuts_missed: float
    false_cuts: float
    grass_gain: float
    grass_error: float
    part: float = 1.0
    part_x: float = 0.5
    part_y: float = 0.5
    taken_for: tuple[tuple[int, int], ...] = ()
    keepers_missed: float = 0.0


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
CUT_OUT = 0.5
"""Share of the matches of which a part of the picture is shown: other cameras look closer, and higher or lower."""
LEAST_PART = 0.55
ALIKE = 0.35
"""Share of the matches in which a keeper, or the referee, is not told from others, or keepers are often missed: on
real film it is the rule."""
MISSED_S = 2.0
"""How long a keeper stays missed."""


def draw_noise(seed: int) -> tuple[DetectorNoise, SightNoise]:
    """How well a detector and the measurement of motion see one match, within the ranges."""
    rng = np.random.default_rng([seed, 15])
    detector = {name: float(rng.uniform(*span)) for name, span in DETECTOR_RANGES.items()}
    sight = {name: float(rng.uniform(*span)) for name, span in SIGHT_RANGES.items()}
    losses = ((detector, "ball_seen", 0.0), (sight, "unknown_shirts", 1.0), (sight, "camera_lost", 1.0))
    for noise, name, lost in losses:
        if rng.random() < WHOLLY_LOST:
            noise[name] = lost
    part = float(rng.uniform(LEAST_PART, 1.0)) if rng.random() < CUT_OUT else 1.0
    part_x, part_y = rng.uniform(0.3, 0.7), rng.uniform()
    taken_for = tuple((SHIRTS.index(shirt), int(rng.integers(-1, len(SHIRTS))))
                      for shirt in ("home keeper", "away keeper", "referee") if rng.random() < ALIKE)
    missed = float(rng.uniform()) if rng.random() < ALIKE else 0.0
    return DetectorNoise(**detector), SightNoise(**sight, part=part, part_x=float(part_x), part_y=float(part_y),
                                                 taken_for=taken_for, keepers_missed=missed)


CLEAR = (DetectorNoise(**dict.fromkeys((one.name for one in fields(DetectorNoise)), 0.0) | {
    "small_px": 1e-6, "small_spread": 2.0, "missed_s": 0.5, "ball_seen": 1.0, "ball_px": 1e-6}),
    SightNoise(0.0, 0.0, 1e6, 0.0, 0.0, 0.0, 1.0, 0.0))
"""Everything is seen as it is."""


def sights_of(watched: Watched, noise: tuple[DetectorNoise, SightNoise], seed: int) -> Iterator[Sight]:
    """Every step of a match as it would be seen with this noise."""
    errs = noise[1]
    rng = np.random.default_rng([seed, 16])
    detector = NoisyDetector(noise[0], seed, WIDTH, HEIGHT)
    kept = np.exp(-STEP_MS / 1000 / MISSED_S)
    missed_below = NormalDist().inv_cdf(min(max(errs.keepers_missed, 1e-9), 1 - 1e-9))
    fate = rng.normal(0, 1, len(SHIRTS))
    worn = np.arange(len(SHIRTS), dtype=np.int8)
    for shirt, other in errs.taken_for:
        worn[shirt] = other
    for step, is_cut in enumerate(watched.cuts.tolist()):
        found = detector.detect(watched.seen(step))
        fate = kept * fate + np.sqrt(1 - kept**2) * rng.normal(0, 1, len(SHIRTS))
        shirts = np.array(found.shirts, np.int8)
        is_found = ~(np.isin(shirts, KEEPERS) & (fate < missed_below)[shirts])
        shirts = worn[shirts[is_found]]
        shirts[rng.random(len(shirts)) < errs.unknown_shirts] = -1
        ball = (found.ball[0] / WIDTH, found.ball[1] / HEIGHT) if found.ball else None
        is_noticed = rng.random() >= errs.cuts_missed if is_cut else rng.random() < errs.false_cuts
        camera = None if is_cut else _measured(watched.camera[step].tolist(), errs, rng)
        grass = float(np.clip(watched.grass[step] * errs.grass_gain + rng.normal(0, errs.grass_error), 0, 1))
        people = (found.people[is_found] / _SIZE).astype(np.float32)
        whole = Sight(people, shirts, ball, camera, bool(is_noticed), grass)
        yield whole if errs.part == 1 else part_of(whole, errs.part, errs.part_x, errs.part_y)


def part_of(sight: Sight, part: float, part_x: float, part_y: float) -> Sight:
    """The sight of somebody who sees a part of the picture only, as `SightNoise` names it.

    Who lies outside by more than half is not seen. How much of the part is grass is guessed: the smaller
    the part, the less it shows of what is not.
    """
    corner = np.array([part_x, part_y]) * (1 - part)
    people = (sight.people - np.tile(corner, 2)) / part
    middles = (people[:, :2] + people[:, 2:]) / 2
    inside = ((middles > 0) & (middles < 1)).all(axis=1)
    ball = None if sight.ball is None else (np.array(sight.ball) - corner) / part
    is_ball_in = ball is not None and bool(((ball >= 0) & (ball <= 1)).all())
    camera = sight.camera
    if camera is not None:
        off = (corner + part / 2 - 0.5) * (2.0 ** camera[2] - 1)
        camera = ((camera[0] + off[0]) / part, (camera[1] + off[1]) / part, camera[2])
    return replace(sight, people=people[inside].clip(0, 1).astype(np.float32), shirts=sight.shirts[inside],
                   ball=(float(ball[0]), float(ball[1])) if ball is not None and is_ball_in else None,
                   camera=None if camera is None else (float(camera[0]), float(camera[1]), camera[2]),
                   grass=1 - (1 - sight.grass) ** (1 / part))


def _measured(motion: list[float], errs: SightNoise, rng: np.random.Generator) -> tuple[float, float, float] | None:
    pan, tilt, zoom = motion
    lost = 1 - (1 - errs.camera_lost) / (1 + (pan / errs.pan_lost) ** 4)
    if rng.random() < lost:
        return None
    shake = rng.normal(0, errs.camera_error, 3).tolist()
    return pan + shake[0], tilt + shake[1], zoom + 2 * shake[2]
