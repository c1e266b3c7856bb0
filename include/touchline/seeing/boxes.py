"""How much do boxes share? Boxes are [N, 4]: x1, y1, x2, y2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


def areas(boxes: Boxes) -> NDArray[np.float32]:
    """Area of each box [N]."""
    found: NDArray[np.float32] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return found


def shared(some: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Area that each of [N] shares with each of [M]: [N, M]."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    found: NDArray[np.float32] = np.prod(np.clip(high - low, 0, None), axis=2)
    return found


def feet(boxes: Boxes) -> NDArray[np.float32]:
    """Middle of each lower edge [N, 2]: where a person stands."""
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
