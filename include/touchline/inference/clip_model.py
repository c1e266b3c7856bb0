"""What happens in a window of frames? A VideoMAE classifier through transformers, from a local folder only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from touchline.domain.label import find_label
from touchline.errors import ModelError
from touchline.inference.batches import CPU, Batches
from touchline.inference.offline import keep_offline
from touchline.inference.torchvision_nms import torch
from touchline.settings import Settings

Window = NDArray[np.uint8]
"""Frames of one window: [T, H, W, 3], RGB."""

DEFAULT_FPS = "5"
DEFAULT_STRIDE_MS = 800
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MULTI_LABEL = "multi_label_classification"


class ClipModel:
    """A clip model that is loaded once and looks at many windows.

    Attributes:
        frames: frames of one window.
        fps: at which rate they are sampled; `stride_ms`: distance of two windows' centres.
        size: height and width of a frame in pixels.
        labels: our labels in the order of the scores; other classes of the model are background.
        batch: windows that are looked at together; a shorter batch is filled up with black ones.
    """

    def __init__(self, path: Path, settings: Settings, device: torch.device = CPU, *, batch: int = 4) -> None:
        """Load the model folder (config.json, preprocessor_config.json, model.safetensors).

        Raises:
            ModelError: the folder is missing, is not a VideoMAE classifier, or knows none of our labels.
        """
        keep_offline(settings.scratch_dir)
        config = _read(path / "config.json")
        preprocessing = _read(path / "preprocessor_config.json")
        if config.get("model_type") != "videomae":
            raise ModelError(f"{path} is not a VideoMAE classifier (model_type {config.get('model_type')!r}): "
                             "set ACTION_MODEL_PATH to one")
        self._model = _load(path)
        self.batch = batch
        self.frames = int(self._model.config.num_frames)
        self.size = _size(self._model.config.image_size)
        self.fps, self.stride_ms = _sampling(config, path)
        self._columns, self.labels = _known_labels(self._model.config.id2label, path)
        self._multi_label = self._model.config.problem_type == MULTI_LABEL
        self._scaling = _scaling(preprocessing)
        self._batches = Batches(batch, device, self._move, cpu_allowed=settings.use_gpu != "true")

    @property
    def device(self) -> str:
        """Where the model runs now: "cpu" or "cuda:0"."""
        return str(self._batches.device)

    def spot(self, windows: Iterable[Window]) -> NDArray[np.float32]:
        """Scores [N, len(labels)] of windows [T, H, W, 3]; each 0…1, independent of each other if multi-label."""
        left = iter(windows)
        found: list[NDArray[np.float32]] = []
        while group := list(islice(left, self.batch)):
            found += self._spot_batch(group)
        return np.stack(found) if found else np.zeros((0, len(self.labels)), np.float32)

    def _spot_batch(self, windows: Sequence[Window]) -> Iterator[NDArray[np.float32]]:
        blank = [np.zeros_like(windows[0])] * (self.batch - len(windows))
        yield from self._batches.run(self._scores, [*windows, *blank])[: len(windows)]

    def _scores(self, windows: Sequence[Window]) -> list[NDArray[np.float32]]:
        factor, mean, std = self._scaling
        with torch.inference_mode():
            pixels = torch.from_numpy(np.stack(windows)).to(self._batches.device).permute(0, 1, 4, 2, 3).float()
            logits = self._model(pixel_values=(pixels * factor - mean) / std).logits.float()
            scores = logits.sigmoid() if self._multi_label else logits.softmax(-1)
        return list(scores[:, self._columns].cpu().numpy())

    def _move(self, device: torch.device) -> None:
        self._model.to(device)
        factor, mean, std = self._scaling
        self._scaling = factor, mean.to(device), std.to(device)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({type(error).__name__}): "
                         "set ACTION_MODEL_PATH to a VideoMAE model folder") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds no settings: set ACTION_MODEL_PATH to a VideoMAE model folder")
    return content


def _load(path: Path) -> Any:
    from transformers import VideoMAEForVideoClassification
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        model = VideoMAEForVideoClassification.from_pretrained(
            path, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch.float32)
    except Exception as error:  # transformers raises many kinds; the reason is kept
        reason = str(error).strip().partition("\n")[0][:200]
        raise ModelError(f"{path} cannot be loaded as a VideoMAE classifier: {reason}") from error
    return model.eval()


def _size(image_size: Any) -> tuple[int, int]:
    height, width = image_size if isinstance(image_size, (list, tuple)) else (image_size, image_size)
    return int(height), int(width)


def _sampling(config: dict[str, Any], path: Path) -> tuple[Fraction, int]:
    """Frame rate and stride from the extra field `"sampling": {"fps": "5", "stride_ms": 800}` of config.json."""
    try:
        sampling = config.get("sampling", {})
        fps = Fraction(str(sampling.get("fps", DEFAULT_FPS)))
        stride_ms = int(sampling.get("stride_ms", DEFAULT_STRIDE_MS))
    except (AttributeError, TypeError, ValueError, ZeroDivisionError):
        raise ModelError(f'{path}/config.json: "sampling" is not like {{"fps": "5", "stride_ms": 800}}') from None
    if fps <= 0 or stride_ms <= 0:
        raise ModelError(f'{path}/config.json: "sampling" holds a rate or stride that is not positive')
    return fps, stride_ms


def _known_labels(names: dict[int, str], path: Path) -> tuple[list[int], tuple[str, ...]]:
    """Columns of the model's output that are labels of ours, and those labels."""
    found = {index: find_label(str(name)) for index, name in sorted(names.items())}
    columns = [index for index, label in found.items() if label]
    labels = tuple(label for label in found.values() if label)
    if not columns or len(set(labels)) < len(labels):
        raise ModelError(f"{path}: id2label names none of our labels, or one of them twice")
    return columns, labels


def _scaling(preprocessing: dict[str, Any]) -> tuple[float, torch.Tensor, torch.Tensor]:
    """Factor, mean and deviation: a pixel p becomes (p * factor - mean) / deviation."""
    factor = float(preprocessing.get("rescale_factor", 1 / 255)) if preprocessing.get("do_rescale", True) else 1.0
    normalize = preprocessing.get("do_normalize", True)
    mean = preprocessing.get("image_mean", IMAGENET_MEAN) if normalize else (0.0, 0.0, 0.0)
    std = preprocessing.get("image_std", IMAGENET_STD) if normalize else (1.0, 1.0, 1.0)
    shape = (1, 1, 3, 1, 1)
    return factor, torch.tensor(mean).reshape(shape), torch.tensor(std).reshape(shape)
