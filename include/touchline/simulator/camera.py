"""A pinhole camera, and the crew that pans, zooms and cuts."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from touchline.simulator.held_out import between
from touchline.simulator.look import Look
from touchline.simulator.pitch import HALF_LENGTH_M, HALF_WIDTH_M, bound
from touchline.simulator.state import Phase, State
from touchline.simulator.world import FPS, Array, World

CAMERAS = ("broadcast", "sideline", "phone")
"""A television camera on the stand, a tripod beside the pitch, and a phone in somebody's hand."""
CLOSE_UP_AFTER_S, CLOSE_UP_S = 2.4, 3.6
GLIMPSE_S = (1.5, 6.0)
CARD_CLOSE_UP_S = (1.0, 2.5)
"""Before and after the card is shown."""
REPLAYED = {"Goal": 0.95, "Shots on target": 0.7, "Shots off target": 0.45, "Foul": 0.35, "Offside": 0.4}
"""How often an action is shown again, where the ball rests for long enough."""
REPLAY_S = (3.5, 1.0)
"""What is shown again: before and after the action, at half speed."""
REPLAY_AFTER_S = 3.0
REPLAY_FITS_S = 4.0
"""So long before the next restart the live picture is back."""
SLOWER = 2
Close = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole at `place` (m) that looks at `target` (m); `focal_px` in pixels, picture `width` x `height`.

    `roll` turns it about its axis, in radians: positive, and its right side sinks, so that what it shows there rises.
    """

    place: tuple[float, float, float]
    target: tuple[float, float, float]
    focal_px: float
    width: int
    height: int
    roll: float = 0.0

    def matrix(self) -> Array:
        """3 x 4 projection: picture ~ matrix @ (x, y, z, 1)."""
        rotation = self.rotation()
        inner = np.array([[self.focal_px, 0, self.width / 2], [0, self.focal_px, self.height / 2], [0, 0, 1.0]])
        return inner @ np.column_stack([rotation, -rotation @ self.place])

    def rotation(self) -> Array:
        """Its axes (3, 3) in rows: to the right, down and forward in the picture. It must not look straight up."""
        (x, y, z), to = self.place, self.target
        far = math.dist(self.place, self.target)
        ahead, aside, up = (to[0] - x) / far, (to[1] - y) / far, (to[2] - z) / far
        level = math.hypot(ahead, aside)
        right = np.array([aside / level, -ahead / level, 0.0])
        down = np.array([up * ahead / level, up * aside / level, -level])
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        return np.array([cos * right + sin * down, cos * down - sin * right, (ahead, aside, up)])


def project(matrix: Array, points: Array) -> tuple[Array, Array]:
    """Picture coordinates (N, 2) and depths in metres (N,) of points (N, 3)."""
    seen = points @ matrix[:, :3].T + matrix[:, 3]
    depth = seen[:, 2]
    return seen[:, :2] / np.maximum(depth, 0.05)[:, None], depth


@dataclass(frozen=True, slots=True)
class Rig:
    """How one kind of camera stands and is led.

    `span_m`: how much of the pitch the picture is wide at its middle, in midfield and in front of a goal. `pull` and
    `damping` are those of the spring that pulls the aim after the ball, `lead_s` is how far it looks ahead, `tilt` is
    the share of the ball's distance from the middle line that it follows. `is_directed`: there are other cameras to cut
    to. `shake_m` is how far the aim of a hand wanders, and `sway_rad` how far it turns.
    """

    place: tuple[float, float, float]
    span_m: tuple[float, float]
    pull: float
    damping: float
    lead_s: float
    tilt: float
    is_directed: bool = False
    shake_m: float = 0.0
    sway_rad: float = 0.0


def rig_for(kind: str, look: Look, seed: int) -> Rig:
    """Where a camera of this kind stands at this match, and how well it is led."""
    rng = np.random.default_rng([seed, 5])
    if kind == "broadcast":
        place = (look.camera_x_m, -HALF_WIDTH_M - look.camera_back_m, look.camera_up_m)
        return Rig(place, (47.0 * look.zoom, 34.0 * look.zoom), 7.0, 4.6, 0.45, 0.62, is_directed=True)
    if kind == "sideline":
        place = (between(rng, -12, 12, seed), -HALF_WIDTH_M - between(rng, 4, 14, seed), between(rng, 2.2, 6.5, seed))
        wide = between(rng, 38, 58, seed)
        return Rig(place, (wide, wide * float(rng.uniform(0.7, 1.0))), *_led(rng, (2.5, 5.5), (2.6, 4.0), (0.0, 0.35),
                   (0.4, 0.7)), shake_m=float(rng.uniform(0.0, 0.08)))
    place = (between(rng, -25, 25, seed), -HALF_WIDTH_M - between(rng, 2, 9, seed), between(rng, 1.5, 2.6, seed))
    wide = between(rng, 30, 55, seed)
    return Rig(place, (wide, wide * float(rng.uniform(0.6, 1.0))), *_led(rng, (2.0, 5.0), (2.2, 3.6), (-0.1, 0.3),
               (0.5, 0.9)), shake_m=float(rng.uniform(0.2, 0.7)), sway_rad=float(rng.uniform(0.004, 0.02)))


def _led(rng: np.random.Generator, *spans: tuple[float, float]) -> tuple[float, float, float, float]:
    """How a camera is led: pull, damping, lead and tilt of its `Rig`."""
    pull, damping, lead_s, tilt = (float(rng.uniform(*span)) for span in spans)
    return pull, damping, lead_s, tilt


def _card_shown(state: State) -> Close | None:
    before, after = CARD_CLOSE_UP_S
    for scene in state.restart.scenes if state.phase is Phase.DEAD and state.restart is not None else ():
        if scene.kind.endswith("card") and scene.moment == state.at(before):
            return state.frame, state.at(before + after), scene.person
    return None


@dataclass(slots=True)
class CameraCrew:
    """Who films: the camera follows the ball late, leads it a little and zooms; the director cuts.

    `view` is "main", "close" (from the touchline, after a goal or at a card), "glimpse" (the same, of anybody), "stand"
    (the crowd, at half-time) or "replay". `world` is what is filmed: that of this moment, or of an earlier one.
    `every`: it films each such frame; only where nobody directs may that be more than 1. `restless`: how often in a
    minute the director shows somebody from near for no reason; three times as often while the ball rests.
    """

    rig: Rig
    seed: int
    width: int
    height: int
    break_cut: tuple[int, int]
    every: int = 1
    restless: float = 0.0
    view: str = "main"
    cuts: list[int] = field(default_factory=list)
    _aim: tuple[float, ...] = (0.0, 0.0)
    _drift: tuple[float, ...] = (0.0, 0.0)
    _span_m: float = 48.0
    world: World = field(init=False)
    _close: Close | None = None
    """A close-up with a reason: first frame, frame after the last, person."""
    _glimpse: Close | None = None
    """One without."""
    _replay: tuple[int, int, int] | None = None
    """A replay: first frame, frame after the last, frame that is shown first."""
    _history: deque[World] = field(default_factory=lambda: deque(maxlen=20 * FPS))
    _told: int = 0
    _wander: Array = field(default_factory=lambda: np.zeros(3))
    _rng: np.random.Generator = field(init=False)
    _whim: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, 6])
        self._whim = np.random.default_rng([self.seed, 18])

    def film(self, state: State) -> Camera:
        """Choose the camera for this frame; call once per frame, in order."""
        self._follow(state)
        self.world = state.world
        view = self._direct(state)
        if view != self.view:
            self.cuts.append(state.frame)
            self.view = view
        if view == "close" and self._close is not None:
            return self._close_up(state, self._close[2])
        if view == "glimpse" and self._glimpse is not None:
            return self._close_up(state, self._glimpse[2])
        if view == "replay" and self._replay is not None:
            return self._again(state, *self._replay)
        return self._stand() if view == "stand" else self._main()

    def _direct(self, state: State) -> str:
        """Cut to the scorer after a goal and to the crowd at half-time."""
        if not self.rig.is_directed:
            return "main"
        self._history.append(state.world.copy())
        if self.break_cut[0] <= state.frame < self.break_cut[1]:
            return "stand"
        self._plan_replay(state)
        if self._replay is not None and self._replay[0] <= state.frame < self._replay[1]:
            return "replay"
        card = _card_shown(state)
        if card is not None:
            self._close = card
        if state.phase is Phase.CELEBRATION and state.scorer is not None and self._close is None:
            start = state.at(CLOSE_UP_AFTER_S)
            self._close = (start, start + round(CLOSE_UP_S * FPS), state.scorer)
        if self._close is not None:
            if self._close[0] <= state.frame < self._close[1]:
                return "close"
            if state.frame >= self._close[1] and state.phase is not Phase.CELEBRATION:
                self._close = None
        self._glimpse = self._glimpsed(state)
        return "glimpse" if self._glimpse is not None else "main"

    def _glimpsed(self, state: State) -> Close | None:
        """Without close-ups of anybody for no reason each close-up would tell of a goal or a card."""
        if self._glimpse is not None and state.frame < self._glimpse[1]:
            return self._glimpse
        if not self.restless or state.frame % FPS or state.phase is Phase.CELEBRATION:
            return None
        if self._whim.random() >= self.restless / 60 * (3 if state.phase is Phase.DEAD else 1):
            return None
        lasts = round(float(self._whim.uniform(*GLIMPSE_S)) * FPS)
        return state.frame, state.frame + lasts, int(self._whim.integers(len(state.world.position)))

    def _plan_replay(self, state: State) -> None:
        """Show an action again where the ball rests long enough after it; a goal after the scorer."""
        news, self._told = state.events[self._told :], len(state.events)
        rests_until = state.resume_at if state.phase is Phase.CELEBRATION else state.restart.earliest if (
            state.phase is Phase.DEAD and state.restart is not None) else 0
        for event in news:
            wait_s = REPLAY_AFTER_S + (CLOSE_UP_AFTER_S + CLOSE_UP_S if event.label == "Goal" else 0.0)
            starts, shown_from = state.at(wait_s), event.frame - round(REPLAY_S[0] * FPS)
            ends = starts + round(sum(REPLAY_S) * FPS) * SLOWER
            is_fit = ends + REPLAY_FITS_S * FPS < rests_until and starts - shown_from < (self._history.maxlen or 0)
            if is_fit and shown_from > 0 and self._rng.random() < REPLAYED.get(event.label, 0.0):
                self._replay = (starts, ends, shown_from)

    def _again(self, state: State, starts: int, _: int, shown_from: int) -> Camera:
        """An earlier moment at half speed, from lower and nearer."""
        moment = shown_from + (state.frame - starts) // SLOWER
        self.world = self._history[moment - state.frame - 1]
        ball = self.world.ball
        side = 1.0 if ball.x > 0 else -1.0
        place = (side * min(HALF_LENGTH_M - 4.0, abs(ball.x) + 6.0), -HALF_WIDTH_M - 9.0, 4.5)
        return self._camera(place, (ball.x, ball.y * 0.8, 0.8), 26.0)

    def _follow(self, state: State) -> None:
        """A damped spring pulls the aim to where the ball will be shortly."""
        ball, rig = state.world.ball, self.rig
        x = ball.x + bound(ball.vx * rig.lead_s, -7, 7)
        y = ball.y * rig.tilt + bound(ball.vy * rig.lead_s * 0.55, -7, 7) * 0.5 - 1.0
        if state.phase is Phase.CELEBRATION and state.scorer is not None:
            x, y = state.world.position[state.scorer].tolist()
            y *= 0.7
        if state.phase is Phase.DEAD and state.restart is not None:
            x, y = state.restart.x * 0.94, state.restart.y * 0.6
        x = bound(x, -HALF_LENGTH_M + 5, HALF_LENGTH_M - 5)
        y = bound(y, -HALF_WIDTH_M + 8, HALF_WIDTH_M - 8)
        if state.frame == 0:
            self._aim = (x, y)
        self._drift = tuple(drift + ((wanted - aim) * rig.pull - drift * rig.damping) * self.every / FPS
                            for wanted, aim, drift in zip((x, y), self._aim, self._drift, strict=True))
        self._aim = tuple(aim + drift * self.every / FPS for aim, drift in zip(self._aim, self._drift, strict=True))
        near_goal = bound((abs(ball.x) - 22) / 22, 0, 1)
        wide, close = rig.span_m
        self._span_m += (wide + (close - wide) * near_goal - self._span_m) * (0.025 * self.every)
        # A hand wanders and comes back: a random walk with a pull to the middle (Ornstein-Uhlenbeck), about 1 s long.
        self._wander += -self._wander * self.every / FPS + self._rng.normal(0, 1, 3) * np.sqrt(2 * self.every / FPS)

    def _main(self) -> Camera:
        aside, up, turn = (float(value) for value in self._wander)
        target = (self._aim[0] + aside * self.rig.shake_m, self._aim[1], 0.5 + up * self.rig.shake_m)
        return self._camera(self.rig.place, target, self._span_m, turn * self.rig.sway_rad)

    def _close_up(self, state: State, person: int) -> Camera:
        x, y = (float(v) for v in state.world.position[person])
        place = (bound(x * 0.8, -44, 44), -HALF_WIDTH_M - 12.0, 3.4)
        return self._camera(place, (x, y, 1.1), 9.0)

    def _stand(self) -> Camera:
        return self._camera((0.0, -HALF_WIDTH_M - 30.0, 16.0), (20.0, HALF_WIDTH_M + 22.0, 9.0), 34.0)

    def _camera(
        self, place: tuple[float, float, float], target: tuple[float, float, float], span_m: float, roll: float = 0.0
    ) -> Camera:
        """A camera whose picture is `span_m` wide at the target."""
        distance = math.dist(target, place)
        return Camera(place, target, self.width * distance / span_m, self.width, self.height, roll)
