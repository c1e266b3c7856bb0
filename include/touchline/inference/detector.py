"""Who and what is in a frame? Players, goalkeepers, referees and the ball, by a YOLO model through ultralytics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from touchline.domain.detection import DETECTION_KINDS, Detection
from touchline.errors import ModelError
from touchline.inference.batches import CPU, Batches
from touchline.inference.offline import keep_offline
from touchline.inference.torchvision_nms import torch
from touchline.settings import Settings

Pixels = NDArray[np.uint8]

KIND_OF_NAME: dict[str, str] = {
    **{kind: kind for kind in DETECTION_KINDS},
    "person": "player",
    "people": "player",
    "keeper": "goalkeeper",
    "goalie": "goalkeeper",
    "gk": "goalkeeper",
    "ref": "referee",
    "main referee": "referee",
    "side referee": "referee",
    "assistant referee": "referee",
    "sports ball": "ball",
    "football": "ball",
    "soccer ball": "ball",
}
"""Class names of foreign models (COCO, SoccerNet, Roboflow sets), in lower case, to our kinds. Others are dropped."""

LEAST_SCORE = 0.1
"""Boxes below this are dropped at once, but for balls that the caller wants; what reads them has higher thresholds."""
OVERLAP = 0.6
"""Two boxes of one kind that share more than this are the same person; players do hide each other."""
MOST_BOXES = 100
GREY = 114
"""What ultralytics pads with in training."""
DEFAULT_SIZE_PX = 640
FILE_KINDS = (".pt", ".onnx", ".engine")
OPENVINO_NAME = "_openvino_model"


@dataclass(frozen=True)
class _Placed:
    """Where a frame lies in the model's input: `scale` from frame to input pixels, and its left top corner."""

    scale: float
    left: int
    top: int


class Detector:
    """A detector that is loaded once and looks at many frames.

    Attributes:
        size_px: longest side of the model's input; frames decoded at this size are not resized again.
        batch: frames that are looked at together; a shorter batch is filled up, so that its shape is always the same.
    """

    def __init__(self, path: Path, settings: Settings, device: torch.device = CPU, *, batch: int = 4,
                 least_ball_score: float = LEAST_SCORE) -> None:
        """Load the model.

        Raises:
            ModelError: no such model, a kind of file that is not known, an unsafe file, or no class of ours in it.
        """
        keep_offline(settings.scratch_dir)
        self.batch = batch
        self._path = path
        self._batches = Batches(batch, CPU if path.is_dir() else device, self._load,  # OpenVINO runs on the CPU
                                cpu_allowed=settings.use_gpu != "true")
        self._square = _fixed_square(self._backend)
        self._kinds = _kinds(self._backend.names, path)
        self._least = torch.full((max(self._backend.names) + 1,), LEAST_SCORE)
        self._least[[index for index, kind in self._kinds.items() if kind == "ball"]] = least_ball_score

    @property
    def sees(self) -> list[str]:
        """The kinds of ours that it can tell, in alphabetical order."""
        return sorted(set(self._kinds.values()))

    @property
    def device(self) -> str:
        """Where the model runs now: "cpu" or "cuda:0"."""
        return str(self._batches.device)

    def detect(self, frames: Sequence[Pixels]) -> list[list[Detection]]:
        """Detections of each RGB frame [H, W, 3], best score first; all frames of one call have one size."""
        if not frames:
            return []
        missing = -len(frames) % self.batch
        blank = np.full_like(frames[0], GREY)
        return self._batches.run(self._look, [*frames, *[blank] * missing])[: len(frames)]

    def detect_closely(self, frame: Pixels) -> list[Detection] | None:
        """Detections of one frame at twice the size, four times the work, for people who are small in it.

        None where that shows no more: the frame has no more pixels than a usual look takes, or the model takes one size
        only.
        """
        if self._square or max(frame.shape[:2]) <= self.size_px:
            return None
        [found] = self._batches.run(lambda some: self._look(some, 2 * self.size_px), [frame])
        return found

    def _look(self, frames: Sequence[Pixels], size_px: int | None = None) -> list[list[Detection]]:
        height, width = frames[0].shape[:2]
        pictures, placed = _letterbox(frames, self._input_shape(height, width, size_px or self.size_px))
        with torch.inference_mode():
            tensor = torch.from_numpy(pictures).to(self._batches.device).permute(0, 3, 1, 2).float().div_(255)
            answer = self._backend(tensor.contiguous())
            boxes = answer[0] if isinstance(answer, (list, tuple)) else answer
            found = [_best_boxes(one.float().cpu(), bool(self._backend.end2end), self._least) for one in boxes]
        return [_detections(rows, self._kinds, placed, (height, width)) for rows in found]

    def _input_shape(self, height: int, width: int, size_px: int) -> tuple[int, int]:
        """Height and width of the input: the frame's shape in whole strides, or what the file was exported for."""
        if self._square:
            return self._square
        scale = size_px / max(height, width)
        stride = int(self._backend.stride)
        return tuple(-(-round(side * scale) // stride) * stride for side in (height, width))  # type: ignore[return-value]

    def _load(self, device: torch.device) -> None:
        # Again, where the CPU takes over: a session of onnxruntime or TensorRT cannot be moved.
        self._backend, self.size_px = _load(self._path, device)


def _load(path: Path, device: torch.device) -> tuple[Any, int]:
    """The model behind ultralytics' common face (AutoBackend), and its input size in pixels."""
    openvino = path.is_dir() and any(path.glob("*.xml"))
    if not path.exists() or not (openvino or path.suffix in FILE_KINDS):
        kinds = ", ".join(FILE_KINDS)
        raise ModelError(f"{path} is not a detector: YOLO_MODEL_PATH takes {kinds} or an OpenVINO folder")
    if openvino and OPENVINO_NAME not in path.name.lower():  # ultralytics tells the kind by the name
        raise ModelError(f"{path} holds an OpenVINO model: rename the folder so that its name ends in {OPENVINO_NAME}, "
                         "as ultralytics writes it")
    from ultralytics.nn.autobackend import AutoBackend

    if path.suffix == ".pt":
        from touchline.inference.checkpoint import load_layers

        network, arguments = load_layers(path)
        backend = AutoBackend(network, device=device, fuse=True, verbose=False)
        return backend, _size_px(arguments.get("imgsz"))
    try:
        backend = AutoBackend(str(path), device=device, verbose=False)
    except Exception as error:  # every library behind AutoBackend has its own errors; the reason is kept
        reason = str(error).strip().partition("\n")[0][:200]
        raise ModelError(f"{path} cannot be loaded as a detector: {reason}") from error
    _check_export(backend.metadata, path)
    return backend, _size_px(getattr(backend, "imgsz", None))


def _check_export(metadata: dict[str, Any], path: Path) -> None:
    """Refuse an exported file whose output would be read wrongly: the form of the output is ultralytics'."""
    if not metadata.get("names"):
        raise ModelError(f"{path} does not say which classes it knows: export the model with ultralytics (`yolo "
                         "export`), which writes them into it; other programs' boxes have other forms")
    if metadata.get("task", "detect") != "detect":
        raise ModelError(f"{path} was made for the task {metadata['task']!r} and is not a detector of boxes: use a "
                         "model of the task \"detect\"")


def _size_px(value: Any) -> int:
    sides = value if isinstance(value, (list, tuple)) else [value]
    numbers = [int(side) for side in sides if isinstance(side, (int, float))]
    return max(numbers, default=DEFAULT_SIZE_PX)


def _fixed_square(backend: Any) -> tuple[int, int] | None:
    """The one input shape (height, width) that an exported file takes; None where every shape is fine."""
    if backend.format == "pt" or backend.metadata.get("dynamic"):
        return None
    size = getattr(backend, "imgsz", None) or DEFAULT_SIZE_PX
    return (int(size[0]), int(size[-1])) if isinstance(size, (list, tuple)) else (int(size), int(size))


def _kinds(names: dict[int, str], path: Path) -> dict[int, str]:
    kinds = {index: KIND_OF_NAME.get(name.strip().lower().replace("_", " ")) for index, name in names.items()}
    known = {index: kind for index, kind in kinds.items() if kind}
    if not known:
        some = ", ".join(list(names.values())[:5])
        raise ModelError(f"{path} knows no class of ours (it has {some}): use a detector of players and ball")
    return known


def _letterbox(frames: Sequence[Pixels], shape: tuple[int, int]) -> tuple[Pixels, _Placed]:
    """Frames scaled to fit into `shape` (height, width), in its middle, grey around: [N, H, W, 3]."""
    import cv2

    height, width = frames[0].shape[:2]
    scale = min(shape[0] / height, shape[1] / width)
    inner = (round(width * scale), round(height * scale))
    left, top = (shape[1] - inner[0]) // 2, (shape[0] - inner[1]) // 2
    pictures = np.full((len(frames), *shape, 3), GREY, np.uint8)
    for picture, frame in zip(pictures, frames, strict=True):
        scaled = frame if inner == (width, height) else cv2.resize(
            frame, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        picture[top : top + inner[1], left : left + inner[0]] = scaled
    return pictures, _Placed(scale, left, top)


def _best_boxes(prediction: torch.Tensor, end_to_end: bool, least: torch.Tensor) -> NDArray[np.float32]:
    """Rows (x1, y1, x2, y2, score, class) in input pixels from one picture's raw output.

    `least` holds the lowest score of each class. The raw output is [4 + classes, boxes] with centres and sizes; of an
    end-to-end model it is the rows themselves.
    """
    if end_to_end:
        classes = prediction[:, 5].long().clamp(0, len(least) - 1)
        return prediction[prediction[:, 4] >= least[classes]][:MOST_BOXES, :6].numpy()
    scores, classes = prediction[4:].max(0)
    keep = scores >= least[classes.clamp(max=len(least) - 1)]
    centre, size = prediction[:2, keep].T, prediction[2:4, keep].T
    corners = torch.cat([centre - size / 2, centre + size / 2], 1)
    scores, classes = scores[keep], classes[keep].float()
    apart = corners + classes[:, None] * 10_000  # boxes of different classes never meet
    best = torch.ops.torchvision.nms(apart, scores, OVERLAP)[:MOST_BOXES]
    return torch.cat([corners[best], scores[best, None], classes[best, None]], 1).numpy()


def _detections(rows: NDArray[np.float32], kinds: dict[int, str], placed: _Placed,
                shape: tuple[int, int]) -> list[Detection]:
    height, width = shape
    found = []
    for x1, y1, x2, y2, score, index in rows.tolist():
        kind = kinds.get(int(index))
        if kind:
            across = [min(1.0, max(0.0, (x - placed.left) / placed.scale / width)) for x in (x1, x2)]
            down = [min(1.0, max(0.0, (y - placed.top) / placed.scale / height)) for y in (y1, y2)]
            found.append(Detection(kind, score, across[0], down[0], across[1], down[1]))
    return found
