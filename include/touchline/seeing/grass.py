"""Where is grass, and who stands on the pitch?"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from touchline.seeing.table import seeing_table

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Green:
    """The colour of a picture's grass: its usual hue, and how little saturated it may be, as OpenCV counts them.

    Of a pale one, as under one floodlight, no more than a part is found: who stands on it is not judged.
    """

    hue: int
    least_saturation: int
    is_pale: bool


def find_green(shrunk: Picture) -> Green | None:
    """The most frequent green of an RGB picture; one with little colour, as at night, only where no other is.

    None where hardly anything is green.
    """
    table = seeing_table("grass")
    hue, saturation, value = cv2.split(cv2.cvtColor(shrunk, cv2.COLOR_RGB2HSV))
    low, high = table["hues"]
    for is_pale, least in enumerate((table["least_saturation"], table["least_saturation_at_night"])):
        green = (hue >= low) & (hue <= high) & (saturation >= least) & (value >= table["least_value"])
        if green.mean() >= table["least_share"]:
            return Green(int(np.bincount(hue[green], minlength=180).argmax()), least, bool(is_pale))
    return None


def grass_mask(picture: Picture, green: Green | None) -> Mask:
    """Which pixels [h, w] of an RGB picture have the colour of its grass."""
    if green is None:
        return np.zeros(picture.shape[:2], bool)
    table = seeing_table("grass")
    hue, saturation, value = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV))
    near = np.abs(hue.astype(np.int16) - green.hue) <= table["around"]
    mask: Mask = near & (saturation >= green.least_saturation) & (value >= table["least_value"])
    return mask


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
