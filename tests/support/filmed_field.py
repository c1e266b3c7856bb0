"""Pictures of a field that a camera films, and glances, for tests of what is seen."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from touchline.seeing.camera import small_size
from touchline.seeing.glance import Glance

GREEN, STAND = (60, 140, 50), (90, 60, 120)
WIDTH, HEIGHT = 320, 180


def textured(seed: int, colour: tuple[int, int, int] = GREEN) -> NDArray[np.uint8]:
    """A large picture of mown grass with lines, to be filmed in parts."""
    rng = np.random.default_rng(seed)
    rough = cv2.GaussianBlur(rng.normal(0, 60, (600, 900)).astype(np.float32), (0, 0), 2)
    picture = np.clip(np.array(colour) + rough[..., None] * 1.5, 0, 255).astype(np.uint8)
    for x in range(50, 900, 170):
        cv2.line(picture, (x, 0), (x + 60, 600), (230, 230, 230), 3)
    return picture


def filmed(picture: NDArray[np.uint8], left: float, top: float, scale: float = 1.0) -> NDArray[np.uint8]:
    """The part of a picture at (left, top) as a frame of WIDTH × HEIGHT; `scale` above 1 is nearer."""
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    return cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)


def shrunk(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame at the size at which the camera is followed."""
    return cv2.resize(frame, small_size(frame.shape[1], frame.shape[0]), interpolation=cv2.INTER_AREA)


def glance_of(step: int, people=(), balls=(), kits=None, camera=(0.0, 0.0, 0.0), is_cut=False) -> Glance:
    """A glance with these people (x, foot y, height) and balls (x, y, score)."""
    boxes = np.array([(x - h / 8, y - h, x + h / 8, y) for x, y, h in people], np.float32).reshape(-1, 4)
    colours = np.array(kits if kits is not None else [(120, 128, 128)] * len(boxes), np.uint8).reshape(-1, 3)
    found = np.array([(*ball, 1.0) for ball in balls], np.float32).reshape(-1, 4)
    return Glance(step * 200, boxes, np.full(len(boxes), 0.8, np.float32), colours, found, camera, is_cut, 0.7)
