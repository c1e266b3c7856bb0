"""Where is grass, and who stands on the pitch?"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from touchline.seeing.table import seeing_table

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def grass_mask(shrunk: Picture) -> Mask:
    """Which pixels [h, w] of an RGB picture are grass: green, of the picture's most frequent green hue."""
    table = seeing_table("grass")
    hue, saturation, value = cv2.split(cv2.cvtColor(shrunk, cv2.COLOR_RGB2HSV))
    low, high = table["hues"]
    green: Mask = ((hue >= low) & (hue <= high) & (saturation >= table["least_saturation"])
                   & (value >= table["least_value"]))
    if not green.any():
        return green
    usual = int(np.bincount(hue[green], minlength=180).argmax())
    near: Mask = green & (np.abs(hue.astype(np.int16) - usual) <= table["around"])
    return near


def pitch_region(grass: Mask) -> Mask | None:
    """The hull of the largest stretch of grass: people and lines on it are within. None where there is too little.

    From one side of a pitch what is seen of it is convex, whatever hides parts of it.
    """
    table = seeing_table("grass")
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (table["close_px"],) * 2)
    opened = cv2.morphologyEx(grass.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    if stats[largest, cv2.CC_STAT_AREA] < table["least_share"] * grass.size:
        return None
    points = cv2.findNonZero((labels == largest).astype(np.uint8))
    region = np.zeros(grass.shape, np.uint8)
    cv2.fillConvexPoly(region, cv2.convexHull(points), 1)
    return region.astype(bool)


def stand_on(region: Mask | None, points: NDArray[np.floating]) -> Mask:
    """Which points [N, 2] (fractions of the picture) lie on the pitch, or a little beside it; all without a region."""
    if region is None:
        return np.ones(len(points), bool)
    height, width = region.shape
    reach = max(1, round(seeing_table("grass")["foot"] * height))
    wide = cv2.dilate(region.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(bool)
    x = np.clip((points[:, 0] * width).astype(int), 0, width - 1)
    y = np.clip((points[:, 1] * height).astype(int), 0, height - 1)
    on: Mask = wide[y, x]
    return on
