"""Which simulated matches do the shipped models learn from, and what is true in them?

The pictures are painted without going through a video file, and only those that are learned from: a fifth of the time
of `touchline simulate`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from touchline.inference.windows import fit
from touchline.results.files import replacing
from touchline.simulator.camera import CameraCrew, rig_for
from touchline.simulator.film import break_cut_for, score_match
from touchline.simulator.look import look_for
from touchline.simulator.match import play_match
from touchline.simulator.picture import Painter
from touchline.simulator.state import Phase
from touchline.simulator.venue import Venue
from touchline.simulator.world import FPS

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class FootagePlan:
    """A set of simulated matches: seeds to learn from, and held-out seeds to measure with.

    Pictures are painted at (`paint_width`, `paint_height`), `fps` a second, and kept at `size` (height, width).
    """

    name: str
    seconds: int
    fps: Fraction
    paint_width: int
    paint_height: int
    size: tuple[int, int]
    learn: tuple[int, ...]
    held_out: tuple[int, ...]

    def plain(self) -> dict[str, Any]:
        """For the recipe that is stored with a model."""
        return {**vars(self), "fps": str(self.fps)}


@dataclass(frozen=True)
class Footage:
    """Pictures [N, H, W, 3] on the grid k/fps of one match, and what is true in them.

    `boxes` and `balls` have one entry per picture: [kind, x1, y1, x2, y2] with fractions of the picture, and [x, y] or
    None. `actions` are [frame on the grid, label].
    """

    pictures: Pixels
    boxes: list[list[Any]]
    balls: list[list[float] | None]
    actions: list[tuple[int, str]]


def make_footage(folder: Path, plan: FootagePlan, seeds: Sequence[int]) -> list[Footage]:
    """Paint the matches of these seeds below `folder`; those that are there already are used again."""
    found = []
    for done, seed in enumerate(seeds, 1):
        height, width = plan.size
        place = folder / f"{plan.name}-{plan.seconds}s-{width}x{height}" / f"seed-{seed:04d}.npz"
        if not place.exists():
            with replacing(place) as file:
                _paint(file, plan, seed)
            print(f"footage {plan.name} {done}/{len(seeds)}", file=sys.stderr, flush=True)
        with np.load(place) as stored:
            truth = json.loads(str(stored["truth"]))
            found.append(Footage(stored["pictures"], truth["boxes"], truth["balls"],
                                 [(frame, label) for frame, label in truth["actions"]]))
    return found


def _paint(file: BinaryIO, plan: FootagePlan, seed: int) -> None:
    width, height = plan.paint_width, plan.paint_height
    score, look = score_match(plan.seconds, seed), look_for(seed)
    painter = Painter(look, Venue(), seed, width, height)
    crew = CameraCrew(rig_for("broadcast", look, seed), seed, width, height, break_cut_for(plan.seconds))
    every = int(FPS / plan.fps)
    scale = np.array([width, height, width, height])
    pictures, boxes, balls, cheering_until = [], [], [], -1
    for state in play_match(plan.seconds, seed):
        camera = crew.film(state)
        if state.phase is Phase.CELEBRATION:
            cheering_until = state.frame + FPS
        if state.frame % every:
            continue
        picture, seen = painter.paint(crew.world, camera, state.frame, state.frame <= cheering_until)
        pictures.append(fit(np.ascontiguousarray(picture[..., ::-1]), plan.size).copy())
        boxes.append([[kind, *(np.array(corners) / scale).round(4).tolist()] for kind, *corners in seen.boxes])
        balls.append([round(seen.ball[0] / width, 4), round(seen.ball[1] / height, 4)] if seen.ball else None)
    actions = [[round(event.frame / every), event.label] for event in score.events]
    truth = json.dumps({"boxes": boxes, "balls": balls, "actions": actions})
    np.savez(file, pictures=np.stack(pictures), truth=np.array(truth))
