"""What would another camera, another day and another pitch change in a picture?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def zoomed_crop(pixels: Pixels, random: np.random.Generator, *,
                least: float) -> tuple[Pixels, tuple[float, float, float]]:
    """A random crop of a frame [H, W, 3], scaled up to the frame's size.

    Returns:
        The picture, and (left, top, size): the corner and the size of the crop, 0…1 of the frame.
    """
    import cv2

    height, width = pixels.shape[:2]
    size = random.uniform(least, 1.0)
    left, top = random.uniform(0, 1 - size), random.uniform(0, 1 - size)
    rows = slice(round(top * height), round((top + size) * height))
    columns = slice(round(left * width), round((left + size) * width))
    return cv2.resize(np.ascontiguousarray(pixels[rows, columns]), (width, height)), (left, top, size)


def recolour(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Brightness, contrast, colour cast, blur and noise changed a little, the same way for a whole array of pictures.

    Takes [..., H, W, 3] and returns a new array of that shape.
    """
    import cv2

    gain = random.uniform(0.75, 1.3) * random.uniform(0.92, 1.08, 3)
    table = np.clip((np.arange(256)[:, None] - 128) * gain + 128 + random.uniform(-25, 25), 0, 255).astype(np.uint8)
    changed = np.stack([table[pixels[..., channel], channel] for channel in range(3)], -1)
    if random.random() < 0.25:
        flat = changed.reshape(-1, *changed.shape[-3:])
        changed = np.stack([cv2.GaussianBlur(one, (3, 3), 0) for one in flat]).reshape(changed.shape)
    if random.random() < 0.25:
        noise = random.normal(0, random.uniform(2, 8), changed.shape).astype(np.float32)
        changed = np.clip(changed + noise, 0, 255).astype(np.uint8)
    return changed
