"""How does the clip model learn? A small VideoMAE, from random weights, on windows around known actions.

Beside the labels it is asked for what helps to find them (where the ball is, what happens within seconds); those
answers are thrown away after training.
"""

from __future__ import annotations

import copy
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from touchline.inference.augmentation import recolour, zoomed_crop
from touchline.inference.clip_model import IMAGENET_MEAN, IMAGENET_STD, MULTI_LABEL
from touchline.inference.offline import keep_offline
from touchline.inference.precision import mixed_precision, training_device
from touchline.inference.read_ahead import ReadAhead
from touchline.inference.torchvision_nms import torch
from touchline.settings import Settings

Pixels = NDArray[np.uint8]

WINDOW_FRAMES = 16
SIZE = (112, 192)
SAMPLING = {"fps": "5", "stride_ms": 800}
ARCHITECTURE: dict[str, Any] = {
    "hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 768,
    "patch_size": 16, "tubelet_size": 4, "num_frames": WINDOW_FRAMES, "image_size": list(SIZE),
}
HIT_FRAMES = 2
"""An action at most this far from the centre counts: every action is this near to a centre of the 800 ms grid."""
UNSURE_FRAMES = 4
"""Up to this far it is neither right nor wrong."""
WIDE_FRAMES = 15
WINDOWS_PER_EPOCH = 3000
AROUND_ACTIONS, NEAR_MISSES = 0.55, 0.2
BATCH = 8
LEARNING_RATE = 5e-4
WEIGHT_DECAY = 0.05
WARM_UP_STEPS = 200
AVERAGED = 0.997
HELP_WEIGHT = 0.3
SEED = 1


@dataclass(frozen=True)
class LabelledMatch:
    """Frames [N, h, w, 3] of a match on the grid k/fps, its actions and the ball.

    `actions` are (frame, column of the label); `ball` is [N, 3]: x and y 0…1, and 1 where it is seen.
    """

    frames: Pixels
    actions: tuple[tuple[int, int], ...]
    ball: NDArray[np.float32]


@dataclass(frozen=True)
class _Example:
    window: Pixels
    target: NDArray[np.float32]
    sure: NDArray[np.float32]
    help: NDArray[np.float32]


def train_clip_network(matches: Sequence[LabelledMatch], labels: Sequence[str], output: Path,
                        recipe: Mapping[str, Any], settings: Settings, *, epochs: int) -> None:
    """Train and write a model folder that `ClipModel` loads. `recipe` (plain data) is stored in config.json."""
    keep_offline(settings.scratch_dir)
    torch.manual_seed(SEED)
    torch.set_num_threads(settings.max_workers)
    device = training_device()
    network = _network(labels, recipe).to(device).train()
    helper = torch.nn.Linear(ARCHITECTURE["hidden_size"], len(labels) + 3).to(device)
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    parameters = [*network.parameters(), *helper.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, betas=(0.9, 0.98))
    random = np.random.default_rng(SEED)
    steps, started, losses = epochs * WINDOWS_PER_EPOCH // BATCH, time.monotonic(), []
    with ReadAhead(_batches(matches, labels, random, steps)) as ahead:
        for step, batch in enumerate(ahead, 1):
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * _pace(step, steps)
            loss = _loss(network, helper, batch, device)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            _average(averaged, network, step)
            losses.append(float(loss.detach()))
            if step % (WINDOWS_PER_EPOCH // BATCH) == 0 or step == steps:
                print(f"clip model epoch {step * BATCH / WINDOWS_PER_EPOCH:.1f}/{epochs}: loss {np.mean(losses):.4f}, "
                      f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
                losses.clear()
                _save(averaged, output)


def calibrate(folder: Path, thresholds: Sequence[float | None]) -> None:
    """Shift the scores of a trained model so that its best threshold per label becomes 0.5; None leaves a label alone.

    Scores keep their order: a constant is added to each label's logit.
    """
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    for column, threshold in enumerate(thresholds):
        if threshold is not None:
            safe = min(max(threshold, 0.001), 0.999)
            weights["classifier.bias"][column] -= math.log(safe / (1 - safe))
    save_file(weights, path, metadata={"format": "pt"})
    path.chmod(0o644)


def match_window(frames: Pixels, centre: int) -> Pixels:
    """The window around a frame; beyond the ends the first and last frame are repeated, as `spot_chunk` does."""
    first = centre - WINDOW_FRAMES // 2
    return frames[np.arange(first, first + WINDOW_FRAMES).clip(0, len(frames) - 1)]


def _network(labels: Sequence[str], recipe: Mapping[str, Any]) -> Any:
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    names = dict(enumerate(labels))
    config = VideoMAEConfig(**ARCHITECTURE, id2label=names, label2id={name: index for index, name in names.items()},
                            problem_type=MULTI_LABEL, sampling=SAMPLING, recipe=dict(recipe))
    return VideoMAEForVideoClassification(config)


def _loss(network: Any, helper: Any, batch: Sequence[_Example], device: torch.device) -> torch.Tensor:
    mean = torch.tensor(IMAGENET_MEAN, device=device).reshape(1, 1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=device).reshape(1, 1, 3, 1, 1)
    pixels = torch.from_numpy(np.stack([one.window for one in batch])).to(device)
    pixels = (pixels.permute(0, 1, 4, 2, 3).float() / 255 - mean) / std
    target, sure, helping = (torch.from_numpy(np.stack([getattr(one, name) for one in batch])).to(device)
                             for name in ("target", "sure", "help"))
    with mixed_precision(device):
        encoded = network.videomae.encoder(_embedded(network.videomae.embeddings, pixels)).last_hidden_state
        seen = network.fc_norm(encoded.mean(1))
        logits, answers = network.classifier(seen).float(), helper(seen).float()
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    main = (entropy(logits, target, reduction="none") * sure).sum() / sure.sum().clamp(min=1)
    wide = entropy(answers[:, :-3], helping[:, :-3])
    place = ((answers[:, -3:-1].sigmoid() - helping[:, -3:-1]).abs() * helping[:, -1:]).mean()
    return main + HELP_WEIGHT * (wide + 2 * place + 0.1 * entropy(answers[:, -1], helping[:, -1]))


def _embedded(embeddings: Any, pixels: torch.Tensor) -> torch.Tensor:
    """What `embeddings` gives for pixels [N, T, 3, H, W], as a matrix product: twice as fast on a CPU as its Conv3d."""
    projection = embeddings.patch_embeddings.projection
    length, patch = projection.kernel_size[0], projection.kernel_size[1]
    count, frames, channels, height, width = pixels.shape
    cubes = pixels.reshape(count, frames // length, length, channels, height // patch, patch, width // patch, patch)
    rows = cubes.permute(0, 1, 4, 6, 3, 2, 5, 7).flatten(4).flatten(1, 3)
    tokens = torch.nn.functional.linear(rows, projection.weight.flatten(1), projection.bias)
    return tokens + embeddings.position_embeddings.to(tokens)


def _pace(step: int, steps: int) -> float:
    return min(1.0, step / WARM_UP_STEPS) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))


def _average(averaged: Any, network: Any, step: int) -> None:
    keep = min(AVERAGED, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(averaged.parameters(), network.parameters(), strict=True):
            mean.lerp_(value.detach(), 1 - keep)


def _batches(matches: Sequence[LabelledMatch], labels: Sequence[str], random: np.random.Generator,
             steps: int) -> Iterator[list[_Example]]:
    actions = [(match, frame, column) for match in matches for frame, column in match.actions]
    counts = np.bincount([column for _, _, column in actions], minlength=len(labels))
    weights = np.array([1 / math.sqrt(counts[column]) for _, _, column in actions])
    weights /= weights.sum()
    for _ in range(steps):
        yield [_example(*_moment(matches, actions, weights, random), len(labels), random) for _ in range(BATCH)]


def _moment(matches: Sequence[LabelledMatch], actions: Sequence[tuple[LabelledMatch, int, int]],
            weights: NDArray[np.float64], random: np.random.Generator) -> tuple[LabelledMatch, int]:
    """Where a window lies: on an action (rare labels more often), beside one, or anywhere."""
    kind = random.random()
    if kind < AROUND_ACTIONS + NEAR_MISSES:
        match, frame, _ = actions[random.choice(len(actions), p=weights)]
        near = random.integers(-HIT_FRAMES, HIT_FRAMES + 1)
        beside = random.integers(UNSURE_FRAMES + 1, WIDE_FRAMES + 1) * random.choice((-1, 1))
        centre = frame + (near if kind < AROUND_ACTIONS else beside)
        return match, int(np.clip(centre, 0, len(match.frames) - 1))
    match = matches[int(random.integers(len(matches)))]
    return match, int(random.integers(len(match.frames)))


def _example(match: LabelledMatch, centre: int, labels: int, random: np.random.Generator) -> _Example:
    target, sure, wide = np.zeros(labels, np.float32), np.ones(labels, np.float32), np.zeros(labels, np.float32)
    for frame, column in match.actions:
        away = abs(frame - centre)
        if away <= HIT_FRAMES:
            target[column] = 1
        elif away <= UNSURE_FRAMES:
            sure[column] = target[column]
        if away <= WIDE_FRAMES:
            wide[column] = 1
    sure = np.maximum(sure, target)
    window, ball = _augmented(match_window(match.frames, centre), match.ball[centre], random)
    return _Example(window, target, sure, np.concatenate([wide, ball]))


def _augmented(window: Pixels, ball: NDArray[np.float32],
               random: np.random.Generator) -> tuple[Pixels, NDArray[np.float32]]:
    x, y, seen = map(float, ball)
    if random.random() < 0.5:
        window, x = window[:, :, ::-1], 1 - x
    if random.random() < 0.4:
        state = random.bit_generator.state
        crops = []
        for frame in window:  # the same crop of every frame
            random.bit_generator.state = state
            picture, (left, top, size) = zoomed_crop(frame, random, least=0.75)
            crops.append(picture)
        window, x, y = np.stack(crops), (x - left) / size, (y - top) / size
        seen *= 0 <= x <= 1 and 0 <= y <= 1
    return recolour(np.ascontiguousarray(window), random), np.array([x, y, seen], np.float32).clip(0, 1)


def _save(network: Any, output: Path) -> None:
    """Half-precision weights in safetensors, config.json and preprocessor_config.json."""
    kept = copy.deepcopy(network).cpu().half()
    kept.save_pretrained(output)
    preprocessing = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "do_resize": False,
                     "image_mean": IMAGENET_MEAN, "image_std": IMAGENET_STD,
                     "size": {"height": SIZE[0], "width": SIZE[1]}}
    (output / "preprocessor_config.json").write_text(json.dumps(preprocessing, indent=2) + "\n")
