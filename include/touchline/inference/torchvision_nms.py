"""Can torch be used together with torchvision on this machine?

PyPI's torchvision is compiled against the CUDA build of torch. Beside a CPU build its compiled functions cannot be
loaded, `import torchvision` ends with "operator torchvision::nms does not exist", and ultralytics and transformers fail
with it. Only then are the two functions that are called by name, nms and qnms, defined here with torch's own
operations; on a healthy install nothing is defined. Everything in `inference` imports torch from this module.
"""

from __future__ import annotations

import torch

__all__ = ["greedy_nms", "torch"]

NMS_SCHEMA = "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
QNMS_SCHEMA = "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_definitions: list[torch.library.Library] = []
"""Keeps the definitions alive: torch forgets them with the object that made them."""


def greedy_nms(dets: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Non-maximum suppression as torchvision defines it.

    Args:
        dets: boxes [N, 4] as x1, y1, x2, y2.
        scores: [N].
        iou_threshold: a box that overlaps a better one by more than this is dropped.

    Returns:
        Indices (int64) of the boxes that stay, best score first; of equal scores the first comes first.
    """
    order = scores.argsort(descending=True, stable=True)
    boxes = dets[order].float()
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    alive = torch.ones(len(order), dtype=torch.bool, device=dets.device)
    kept: list[int] = []
    for index in range(len(order)):
        if not alive[index]:
            continue
        kept.append(index)
        rest = boxes[index + 1 :]
        width = (torch.minimum(boxes[index, 2], rest[:, 2]) - torch.maximum(boxes[index, 0], rest[:, 0])).clamp(min=0)
        height = (torch.minimum(boxes[index, 3], rest[:, 3]) - torch.maximum(boxes[index, 1], rest[:, 1])).clamp(min=0)
        shared = width * height
        overlap = shared / (areas[index] + areas[index + 1 :] - shared)
        alive[index + 1 :] &= ~(overlap > iou_threshold)
    return order[torch.tensor(kept, dtype=torch.int64, device=order.device)]


def _torchvision_works() -> bool:
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::nms" in str(error):
            return False
        raise
    return True


def _define_nms() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in (NMS_SCHEMA, QNMS_SCHEMA):
        library.define(schema)
        for backend in ("CPU", "CUDA"):
            library.impl(schema.partition("(")[0], greedy_nms, backend)
    _definitions.append(library)


if not _torchvision_works():
    _define_nms()
    import torchvision.ops.boxes

    # torchvision.ops.nms asks whether *all* compiled functions are there before it calls this one.
    torchvision.ops.boxes._assert_has_ops = lambda: None
