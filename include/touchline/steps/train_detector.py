"""Train the shipped detector on simulated footage, and measure it on matches that it has not seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from touchline.domain.detection import DETECTION_KINDS
from touchline.inference.detector import Detector
from touchline.inference.detector_training import Boxes, LabelledFrame, inside, train_detector_model
from touchline.inference.measuring import TruthBox, detection_precision
from touchline.settings import Settings
from touchline.training.footage import Footage, FootagePlan, make_footage

PLAN = FootagePlan("detector", seconds=40, fps=Fraction(25, 30), paint_width=640, paint_height=360, size=(360, 640),
                   learn=tuple(range(101, 117)), held_out=(191, 192))
EPOCHS = 14
LEAST_BALL_PX = 12.0
"""The network looks every eight pixels: a smaller box may lie between its points and teach nothing."""
BALL_PART = 0.16
"""Side of the ball's box as a fraction of a player's height (0.22 m of 1.8 m, and a rim)."""


def train_detector(footage: Path, output: Path, settings: Settings, *, epochs: int | None = None) -> None:
    """Write the detector to `output` (.pt) and print its average precision on the held-out matches as JSON."""
    epochs = epochs or EPOCHS
    learn = [frame for match in make_footage(footage, PLAN, PLAN.learn) for frame in _labelled(match)]
    recipe = {"footage": PLAN.plain(), "epochs": epochs, "frames": len(learn)}
    train_detector_model(learn, output, recipe, settings, epochs=epochs)
    held_out = [frame for match in make_footage(footage, PLAN, PLAN.held_out) for frame in _labelled(match)]
    print(json.dumps(measure_detector(output, held_out, settings), indent=1))


def measure_detector(model: Path, frames: Sequence[LabelledFrame], settings: Settings) -> dict[str, Any]:
    """Average precision at an overlap of 0.5 (the ball: 0.3) per kind, on labelled frames."""
    detections = Detector(model, settings).detect([frame.pixels for frame in frames])
    truth = [[_true_box(row) for row in frame.boxes.tolist()] for frame in frames]
    return {"frames": len(frames), **detection_precision(detections, truth)}


def _true_box(row: list[float]) -> TruthBox:
    kind, x1, y1, x2, y2 = row
    return DETECTION_KINDS[int(kind)], x1, y1, x2, y2


def _labelled(match: Footage) -> Iterator[LabelledFrame]:
    for pixels, people, ball in zip(match.pictures, match.boxes, match.balls, strict=True):
        yield LabelledFrame(pixels, _boxes(people, ball))


def _boxes(people: list[Any], ball: list[float] | None) -> Boxes:
    height, width = PLAN.size
    rows = [[DETECTION_KINDS.index(kind), *corners] for kind, *corners in people]
    if ball:
        heights = [row[4] - row[2] for row in rows] or [0.0]
        half_px = max(LEAST_BALL_PX, BALL_PART * float(np.median(heights)) * height) / 2
        half_x, half_y = half_px / width, half_px / height
        rows.append([DETECTION_KINDS.index("ball"), ball[0] - half_x, ball[1] - half_y, ball[0] + half_x,
                     ball[1] + half_y])
    return inside(np.array(rows, np.float32).reshape(-1, 5))
