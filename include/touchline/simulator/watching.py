"""One match, played once and watched by several cameras at the same time, without a picture being painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from touchline.seeing.sight import STEP_MS
from touchline.simulator.bystanders import Bystanders
from touchline.simulator.camera import Camera, CameraCrew, Rig, project, rig_for
from touchline.simulator.film import Chronicle, Score, break_cut_for
from touchline.simulator.held_out import between, is_held_out
from touchline.simulator.look import look_for
from touchline.simulator.match import play_match
from touchline.simulator.pitch import HALF_LENGTH_M, HALF_WIDTH_M
from touchline.simulator.sight import Seen, ball_in_view, bodies, people_in_view, person_boxes, project_people
from touchline.simulator.state import State
from touchline.simulator.tempo import Tempo
from touchline.simulator.venue import PARK_SHARE
from touchline.simulator.world import FPS, PEOPLE, Array

Numbers = NDArray[np.float32]

WIDTH, HEIGHT = 1280, 720
EVERY = FPS * STEP_MS // 1000
ANY = "any"
"""A camera of no kind: high or low, near or far, led well or badly."""
CALM = 0.3
"""Share of the directors who show nobody without a reason."""
RESTLESS = (0.3, 2.5)
VERGE_M = {False: 6.0, True: 25.0}
"""How far the grass reaches beyond the lines: in a stadium, in a park."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What one camera truly shows, in T steps of 0.2 s of a picture of WIDTH x HEIGHT pixels.

    `people` [M, 4] are boxes in pixels and `rows` [M] who that is; those of step t are `starts[t]:starts[t + 1]`.
    `ball` [T, 3]: x, y and diameter in pixels, NaN where it is not in the picture. `camera` [T, 3]: pan, tilt, zoom as
    in `Sight`. `cuts` [T]: whether the view changed since the step before. `grass` [T]: share of the picture.
    """

    people: Numbers
    rows: NDArray[np.int8]
    starts: NDArray[np.int32]
    ball: Numbers
    camera: Numbers
    cuts: NDArray[np.bool_]
    grass: Numbers

    def seen(self, step: int) -> Seen:
        """What the picture of this step shows."""
        rows = slice(self.starts[step], self.starts[step + 1])
        boxes = [("person", *corners) for corners in self.people[rows].tolist()]
        x, y, diameter = self.ball[step].tolist()
        if np.isnan(x):
            return Seen(boxes, None, tuple(self.rows[rows].tolist()))
        half = diameter / 2
        boxes.append(("ball", x - half, y - half, x + half, y + half))
        return Seen(boxes, (x, y), tuple(self.rows[rows].tolist()))


@dataclass(slots=True)
class _Station:
    """A crew at work, and what it has shown up to now."""

    crew: CameraCrew
    bystanders: Bystanders | None
    verge_m: float
    people: list[Numbers] = field(default_factory=list)
    rows: list[NDArray[np.int8]] = field(default_factory=list)
    ball: list[tuple[float, float, float]] = field(default_factory=list)
    camera: list[tuple[float, float, float]] = field(default_factory=list)
    cuts: list[bool] = field(default_factory=list)
    grass: list[float] = field(default_factory=list)
    before: Camera | None = None
    told: int = 0

    def watch(self, state: State, body: Array) -> None:
        """One frame, of which every fifth is kept; `body` holds the joints of everybody at this moment."""
        is_kept = state.frame % EVERY == 0
        if not is_kept and not self.crew.rig.is_directed:
            return
        camera = self.crew.film(state)
        if not is_kept:
            return
        if self.crew.view == "replay":
            body = bodies(self.crew.world, None)
        elif self.bystanders is None:
            body = body[:PEOPLE]
        matrix = camera.matrix()
        people = project_people(body, matrix, camera)
        boxes, rows = person_boxes(people, people_in_view(people, camera), camera)
        self.people.append(boxes.astype(np.float32))
        self.rows.append(rows.astype(np.int8))
        self.ball.append(_visible(ball_in_view(self.crew.world, matrix, camera)))
        self.camera.append(motion_between(self.before, camera, matrix))
        self.cuts.append(len(self.crew.cuts) > self.told)
        self.grass.append(grass_share(camera, self.verge_m))
        self.before, self.told = camera, len(self.crew.cuts)

    def watched(self) -> Watched:
        starts = np.cumsum([0, *(len(rows) for rows in self.rows)], dtype=np.int32)
        return Watched(np.concatenate(self.people), np.concatenate(self.rows), starts,
                       np.array(self.ball, np.float32), np.array(self.camera, np.float32), np.array(self.cuts),
                       np.array(self.grass, np.float32))


def _visible(ball: tuple[float, float, float] | None) -> tuple[float, float, float]:
    """Centre and diameter of the ball in pixels, or NaN."""
    x, y, radius = ball or (-1.0, -1.0, 0.0)
    return (x, y, 2 * radius) if 0 <= x < WIDTH and 0 <= y < HEIGHT else (np.nan, np.nan, np.nan)


def watch_cameras(seconds: int, seed: int, cameras: Sequence[tuple[str, int]],
                  tempo: Tempo | None = None) -> tuple[Score, list[Watched]]:
    """Play the match of this seed and watch it with each camera: its kind (of CAMERAS, or ANY) and its own seed."""
    rigs = [rig_for(kind, look_for(own), own) if kind != ANY else any_rig(own) for kind, own in cameras]
    near_y = max([rig.place[1] for rig in rigs if not rig.is_directed], default=-HALF_WIDTH_M - 4.0)
    bystanders = Bystanders(seed, near_y + 2.5)
    is_park = bool(np.random.default_rng([seed, 10]).random() < PARK_SHARE)
    break_cut = break_cut_for(seconds)
    stations = [_Station(CameraCrew(rig, own, WIDTH, HEIGHT, break_cut, 1 if rig.is_directed else EVERY,
                                    restlessness(own)),
                         None if rig.is_directed else bystanders, VERGE_M[is_park and not rig.is_directed])
                for rig, (_, own) in zip(rigs, cameras, strict=True)]
    chronicle = Chronicle(seconds)
    for state in play_match(seconds, seed, tempo):
        chronicle.note(state)
        bystanders.move(state.frame, state.world.ball.x, state.world.ball.y)
        body = bodies(state.world, bystanders) if state.frame % EVERY == 0 else _NOBODY
        for station in stations:
            station.watch(state, body)
    return chronicle.score(state), [station.watched() for station in stations]


def any_rig(seed: int) -> Rig:
    """A camera that somebody put up somewhere along the pitch, as no kind of ours stands."""
    rng = np.random.default_rng([seed, 13])
    back = between(rng, 2, 60, seed)
    place = (between(rng, -35, 35, seed), -HALF_WIDTH_M - back, between(rng, 1.5, 4 + back / 2.5, seed))
    wide = between(rng, 24, 70, seed)
    return Rig(place, (wide, wide * float(rng.uniform(0.55, 1.0))), float(rng.uniform(1.8, 7.5)),
               float(rng.uniform(2.0, 5.0)), float(rng.uniform(-0.2, 0.5)), float(rng.uniform(0.3, 0.95)),
               is_directed=bool(rng.random() < 0.3), shake_m=float(rng.choice([0.0, rng.uniform(0, 0.8)])),
               sway_rad=float(rng.choice([0.0, rng.uniform(0, 0.02)])))


def restlessness(seed: int) -> float:
    """How often in a minute a director shows somebody for no reason; 0 for held-out seeds: their films stay."""
    rng = np.random.default_rng([seed, 19])
    return 0.0 if is_held_out(seed) or rng.random() < CALM else float(rng.uniform(*RESTLESS))


def motion_between(before: Camera | None, now: Camera, matrix: Array) -> tuple[float, float, float]:
    """Pan and tilt (where that is now which was in the middle, in fractions of the picture) and zoom (log2)."""
    if before is None:
        return 0.0, 0.0, 0.0
    points, depth = project(matrix, np.array([before.target]))
    if depth[0] < 1.0:
        return 0.0, 0.0, 0.0
    x, y = points[0]
    return float(x / now.width - 0.5), float(y / now.height - 0.5), float(np.log2(now.focal_px / before.focal_px))


def grass_share(camera: Camera, verge_m: float) -> float:
    """Share of a grid of points in the picture whose rays meet the ground on the pitch or within `verge_m` of it."""
    rays = (_GRID / (camera.focal_px, camera.focal_px, 1.0)) @ camera.rotation()
    distance = -camera.place[2] / np.where(np.abs(rays[:, 2]) < 1e-9, 1e-9, rays[:, 2])
    x, y = camera.place[0] + distance * rays[:, 0], camera.place[1] + distance * rays[:, 1]
    inside = (distance > 0) & (np.abs(x) < HALF_LENGTH_M + verge_m) & (np.abs(y) < HALF_WIDTH_M + verge_m)
    return float(inside.mean())


_NOBODY = np.zeros((0, 17, 3))
_GRID = np.array([((x - 7.5) * WIDTH / 16, (y - 4) * HEIGHT / 9, 1.0) for y in range(9) for x in range(16)])
"""Points of the picture, in pixels from its middle."""
