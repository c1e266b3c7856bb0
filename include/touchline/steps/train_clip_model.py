"""Train the shipped clip model (VideoMAE, on pictures) on simulated footage, and measure it on unseen matches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from touchline.domain.label import LABELS
from touchline.inference.clip_model import ClipModel
from touchline.inference.clip_training import (
    SAMPLING,
    SIZE,
    LabelledMatch,
    calibrate,
    match_window,
    train_clip_network,
)
from touchline.inference.measuring import best_thresholds, spotting_precision
from touchline.inference.windows import frame_index
from touchline.settings import Settings
from touchline.training.footage import Footage, FootagePlan, make_footage

PLAN = FootagePlan("clip-model", seconds=150, fps=Fraction(str(SAMPLING["fps"])), paint_width=320, paint_height=180,
                   size=SIZE, learn=tuple(range(201, 245)), held_out=(291, 292, 293, 294))
EPOCHS = 8
CALIBRATION_SEEDS = (245, 246, 247, 248)
"""Matches that choose the thresholds: neither learned from nor measured with."""
_Spotted = tuple[list[int], NDArray[np.float32], list[tuple[int, int]]]


def train_clip_model(footage: Path, output: Path, settings: Settings, *, epochs: int | None = None) -> None:
    """Write the model to the folder `output` and print how it does on the held-out matches as JSON."""
    epochs = epochs or EPOCHS
    matches = make_footage(footage, PLAN, PLAN.learn)
    labels = _labels(matches)
    learn = [_labelled(match, labels) for match in matches]
    actions = sum(len(match.actions) for match in learn)
    recipe = {"footage": PLAN.plain(), "epochs": epochs, "actions": actions}
    train_clip_network(learn, labels, output, recipe, settings, epochs=epochs)
    tune = [_labelled(match, labels) for match in make_footage(footage, PLAN, CALIBRATION_SEEDS)]
    calibrate(output, best_thresholds(*_spotted(output, tune, settings), labels))
    held_out = [_labelled(match, labels) for match in make_footage(footage, PLAN, PLAN.held_out)]
    print(json.dumps(measure_clip_model(output, held_out, settings), indent=1))


def measure_clip_model(model: Path, matches: Sequence[LabelledMatch], settings: Settings) -> dict[str, Any]:
    """Average precision per label within ±2 s, over all windows of the grid in labelled matches."""
    return spotting_precision(*_spotted(model, matches, settings), ClipModel(model, settings).labels)


def _spotted(model: Path, matches: Sequence[LabelledMatch], settings: Settings) -> _Spotted:
    """Moments, scores [N, labels] and true actions (moment, column) of matches laid end to end, a minute apart."""
    clip_model = ClipModel(model, settings)
    moments: list[int] = []
    scores, actions, offset_ms = [], [], 0
    for match in matches:
        length_ms = int(len(match.frames) * 1000 / PLAN.fps)
        grid = range(0, length_ms, clip_model.stride_ms)
        scores.append(clip_model.spot(match_window(match.frames, frame_index(moment, PLAN.fps)) for moment in grid))
        moments += [offset_ms + moment for moment in grid]
        actions += [(offset_ms + int(frame * 1000 / PLAN.fps), column) for frame, column in match.actions]
        offset_ms += length_ms + 60_000
    return moments, np.concatenate(scores), actions


def _labels(matches: Sequence[Footage]) -> tuple[str, ...]:
    """The labels that occur, in our own order."""
    seen = {label for match in matches for _, label in match.actions}
    return tuple(label for label in LABELS if label in seen)


def _labelled(match: Footage, labels: Sequence[str]) -> LabelledMatch:
    actions = [(frame, labels.index(label)) for frame, label in match.actions if label in labels]
    ball = np.array([[*place, 1] if place else [0, 0, 0] for place in match.balls], np.float32)
    return LabelledMatch(match.pictures, tuple(actions), ball)
