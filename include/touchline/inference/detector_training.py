"""How does the shipped detector learn? A small YOLOv8, from random weights, on frames with known boxes."""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from touchline.domain.detection import DETECTION_KINDS
from touchline.inference.augmentation import recolour, zoomed_crop
from touchline.inference.offline import keep_offline
from touchline.inference.precision import mixed_precision, training_device
from touchline.inference.torchvision_nms import torch
from touchline.settings import Settings

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float32]
"""Rows (kind index, x1, y1, x2, y2) with corners as fractions of the picture, 0…1."""

SCALE = (0.33, 0.1875, 1024)
"""Depth, width and greatest number of channels: three quarters of YOLOv8n's width, 1.8 million parameters."""
LOSS_WEIGHTS = {"box": 7.5, "cls": 1.0, "dfl": 1.5}
"""ultralytics' defaults, but for twice the weight of the class: most people are players, few are keepers."""
STRIDE = 32
BATCH = 8
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 5e-4
WARM_UP_STEPS = 100
AVERAGED = 0.998
LEAST_VISIBLE = 0.4
SEED = 1


@dataclass(frozen=True)
class LabelledFrame:
    """One frame to learn from: RGB [H, W, 3] and its boxes."""

    pixels: Pixels
    boxes: Boxes


def train_detector_model(frames: Sequence[LabelledFrame], output: Path, recipe: Mapping[str, Any], settings: Settings,
                         *, epochs: int) -> None:
    """Train and write a .pt file that `Detector` and ultralytics load. `recipe` (plain data) is stored in the file."""
    keep_offline(settings.scratch_dir)
    torch.manual_seed(SEED)
    torch.set_num_threads(settings.max_workers)
    device = training_device()
    network = _network().to(device)
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    from ultralytics.utils.loss import v8DetectionLoss

    criterion = v8DetectionLoss(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    random = np.random.default_rng(SEED)
    steps, step, started = epochs * math.ceil(len(frames) / BATCH), 0, time.monotonic()
    for epoch in range(epochs):
        network.train()
        losses = []
        for pictures, targets in _batches(frames, random, device):
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * _pace(step, steps)
            with mixed_precision(device):
                answer = network(pictures)
            loss, _ = criterion(_float32(answer), targets)
            optimizer.zero_grad()
            loss.sum().backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimizer.step()
            step += 1
            _average(averaged, network, step)
            losses.append(float(loss.detach().sum()) / len(pictures))
        print(f"detector epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.3f}, {time.monotonic() - started:.0f} s",
              file=sys.stderr, flush=True)
        _save(averaged, output, recipe, frames[0].pixels.shape[1])


def _network() -> Any:
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils import ROOT, YAML

    plan = YAML.load(ROOT / "cfg/models/v8/yolov8.yaml")
    plan |= {"nc": len(DETECTION_KINDS), "scales": {"n": list(SCALE)}, "scale": "n"}
    network = DetectionModel(plan, verbose=False)
    network.names = dict(enumerate(DETECTION_KINDS))
    network.args = SimpleNamespace(**LOSS_WEIGHTS)
    return network.to(memory_format=torch.channels_last)


def _pace(step: int, steps: int) -> float:
    """Warm-up, then half a cosine down to 2 %."""
    return min(1.0, (step + 1) / WARM_UP_STEPS) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))


def _float32(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {key: _float32(value) for key, value in answer.items()}
    if isinstance(answer, (list, tuple)):
        return [_float32(value) for value in answer]
    return answer.float()


def _average(averaged: Any, network: Any, step: int) -> None:
    """Moving average of the weights, faster at the beginning."""
    keep = min(AVERAGED, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value.detach(), 1 - keep)
            else:
                mean.copy_(value)


def _batches(frames: Sequence[LabelledFrame], random: np.random.Generator,
             device: torch.device) -> Iterator[tuple[torch.Tensor, dict[str, torch.Tensor]]]:
    order = random.permutation(len(frames))
    for start in range(0, len(order), BATCH):
        changed = [_augmented(frames[index], random) for index in order[start : start + BATCH]]
        yield _tensors(changed, device)


def _tensors(frames: Sequence[LabelledFrame], device: torch.device) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Pictures [N, 3, H, W] 0…1, padded to whole strides, and targets as ultralytics' loss wants them."""
    height, width = frames[0].pixels.shape[:2]
    padded = -(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE
    top, left = (padded[0] - height) // 2, (padded[1] - width) // 2
    pictures = np.full((len(frames), *padded, 3), 114, np.uint8)
    rows = []
    for number, frame in enumerate(frames):
        pictures[number, top : top + height, left : left + width] = frame.pixels
        kind, x1, y1, x2, y2 = frame.boxes.T
        centre_x, centre_y = (x1 + x2) / 2 * width + left, (y1 + y2) / 2 * height + top
        sizes = (x2 - x1) * width / padded[1], (y2 - y1) * height / padded[0]
        rows.append(np.stack([np.full_like(kind, number), kind, centre_x / padded[1], centre_y / padded[0], *sizes], 1))
    table = torch.from_numpy(np.concatenate(rows).astype(np.float32)).to(device)
    tensor = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().div_(255)
    return (tensor.contiguous(memory_format=torch.channels_last),
            {"batch_idx": table[:, 0], "cls": table[:, 1:2], "bboxes": table[:, 2:6]})


def _augmented(frame: LabelledFrame, random: np.random.Generator) -> LabelledFrame:
    """Mirrored, zoomed into, or recoloured: what another camera and another day would change."""
    pixels, boxes = frame.pixels, frame.boxes
    if random.random() < 0.5:
        pixels = pixels[:, ::-1]
        boxes = np.stack([boxes[:, 0], 1 - boxes[:, 3], boxes[:, 2], 1 - boxes[:, 1], boxes[:, 4]], 1)
    if random.random() < 0.5:
        pixels, (left, top, size) = zoomed_crop(pixels, random, least=0.4)
        boxes = boxes.copy()
        boxes[:, [1, 3]] = (boxes[:, [1, 3]] - left) / size
        boxes[:, [2, 4]] = (boxes[:, [2, 4]] - top) / size
    return LabelledFrame(recolour(pixels, random), inside(boxes))


def inside(boxes: Boxes) -> Boxes:
    """Boxes cut to the picture; those of which little is seen are left out."""
    if not len(boxes):
        return boxes.reshape(0, 5)
    cut = boxes.copy()
    cut[:, 1:] = cut[:, 1:].clip(0, 1)
    area = (boxes[:, 3] - boxes[:, 1]) * (boxes[:, 4] - boxes[:, 2])
    seen = (cut[:, 3] - cut[:, 1]) * (cut[:, 4] - cut[:, 2])
    return cut[seen > LEAST_VISIBLE * area]


def _save(network: Any, output: Path, recipe: Mapping[str, Any], size_px: int) -> None:
    """Half-precision weights in ultralytics' own form; no date, so that equal trainings give equal files."""
    from ultralytics import __version__

    kept = copy.deepcopy(network).cpu().half()
    kept.args = {**LOSS_WEIGHTS, "imgsz": size_px}
    output.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": kept, "ema": None, "train_args": {"imgsz": size_px, "task": "detect"}, "version": __version__,
                "recipe": dict(recipe)}, output)
