"""How did the camera move between two frames, and was there a cut? Points are followed from frame to frame.

Over 0.2 s points get lost in a fast pan, over 0.04 s they do not: the moves of all frames of a step are chained. People
move as well; RANSAC leaves them out, as most points lie on the pitch and what surrounds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot, log2

import cv2
import numpy as np
from numpy.typing import NDArray

from touchline.seeing.table import seeing_table

Picture = NDArray[np.uint8]
Move = tuple[float, float, float]
STILL: Move = (0.0, 0.0, 0.0)
MOST_MOVE = 5.0
"""Pictures a step, and doublings: nothing that is filmed moves further, so what does is not known."""


@dataclass(frozen=True, slots=True)
class Small:
    """A frame small enough to be followed: its grey levels [h, w] and the histogram of its colours, which sums to 1."""

    grey: Picture
    colours: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Link:
    """How the content moved from one frame to the next: a 3 × 3 matrix in pixels, None where it is not known."""

    matrix: NDArray[np.float64] | None
    is_cut: bool


def small_size(width: int, height: int) -> tuple[int, int]:
    """Width and height at which motion and grass of a picture of this size are looked for."""
    small = seeing_table("motion")["width_px"]
    return small, max(2, round(height * small / width / 2) * 2)


def prepare(shrunk: Picture) -> Small:
    """What `link_frames` needs of an RGB frame that is shrunk to `small_size`."""
    cut = seeing_table("cut")
    hsv = cv2.cvtColor(shrunk, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 2], None, [cut["hues"], cut["values"]], [0, 180, 0, 256])
    return Small(cv2.cvtColor(shrunk, cv2.COLOR_RGB2GRAY), counts / counts.sum())


def link_frames(before: Small, after: Small) -> Link:
    """Follow points from one frame to the next one, forth and back, and fit a shift, a turn and a scale (RANSAC).

    It is a cut where no move fits and the colours are others.
    """
    if np.array_equal(before.grey, after.grey):
        return Link(np.eye(3), False)
    matrix = _fit(before.grey, after.grey)
    changed = np.abs(before.colours - after.colours).sum() / 2 >= seeing_table("cut")["least_difference"]
    return Link(matrix, matrix is None and bool(changed))


def goes_on(before: Sequence[Small], after: Sequence[Small]) -> bool:
    """Whether the first frames of one film follow the last ones of another as if it were one film.

    The last frame, moved as the camera moved, differs from the first one about as much as their neighbours do. A camera
    that stands still shows the same place after a pause too, but with other light and with people elsewhere. A pause
    of a few seconds may be missed: in real clips 4 s made 0.9 to 2.4 times the largest difference of neighbours.
    """
    usual = [_unlike(*pair) for film in (before, after) for pair in pairwise(film)]
    border = _unlike(before[-1], after[0]) if before and after else None
    known = [one for one in usual if one is not None]
    table = seeing_table("goes_on")
    return border is not None and bool(known) and border <= table["times"] * max(known) + table["levels"]


def _unlike(before: Small, after: Small) -> float | None:
    """Mean difference of grey levels where both show the same place; None where the camera's move is not known."""
    if before.grey.shape != after.grey.shape:
        return None
    link = link_frames(before, after)
    if link.matrix is None:
        return None
    size = before.grey.shape[::-1]
    moved = cv2.warpAffine(before.grey, link.matrix[:2], size)
    is_shown = cv2.warpAffine(np.full_like(before.grey, 255), link.matrix[:2], size) == 255
    if not is_shown.any():
        return None
    return float(np.abs(moved.astype(np.int16) - after.grey.astype(np.int16))[is_shown].mean())


def chain(links: Iterable[Link], width: int, height: int) -> tuple[Move | None, bool]:
    """Pan, tilt and zoom over all links (None where one is not known), and whether there is a cut among them.

    Pan and tilt say where the content of the picture's middle went, in fractions of width and height; zoom is the
    logarithm of the scale to the base 2.
    """
    links = list(links)
    is_cut = any(link.is_cut for link in links)
    whole = np.eye(3)
    for link in links:
        if link.matrix is None:
            return None, is_cut
        whole = link.matrix @ whole
    middle = np.array([width / 2, height / 2, 1.0])
    x, y, _ = whole @ middle - middle
    scale = max(hypot(whole[0, 0], whole[1, 0]), 1e-9)
    move = (float(x / width), float(y / height), log2(scale))
    return (move if max(map(abs, move)) <= MOST_MOVE else None), is_cut


def carry(points: NDArray[np.floating], move: Move) -> NDArray[np.float64]:
    """Where points [N, 2] (fractions of the picture) of the step before lie after the camera's move."""
    pan, tilt, zoom = move
    carried: NDArray[np.float64] = (np.asarray(points, np.float64) - 0.5) * 2.0**zoom + 0.5 + np.array([pan, tilt])
    return carried


def _follow(before: Picture, after: Picture) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Points before and after [N, 2], and the share of the points that could be followed."""
    table = seeing_table("motion")
    apart = max(4, before.shape[1] // 45)
    points = cv2.goodFeaturesToTrack(before, table["points"], 0.01, apart)
    nothing = np.zeros((0, 2), np.float32)
    if points is None or before.shape != after.shape:
        return nothing, nothing, 0.0
    how = {"winSize": (table["window_px"],) * 2, "maxLevel": table["levels"], "criteria": (3, 10, 0.03)}
    there, is_there, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, **how)
    back, is_back, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, **how)
    away = np.abs(points - back).reshape(-1, 2).max(axis=1)
    kept = (is_there.ravel() == 1) & (is_back.ravel() == 1) & (away < table["back_px"])
    return points.reshape(-1, 2)[kept], there.reshape(-1, 2)[kept], float(kept.mean())


def _fit(before: Picture, after: Picture) -> NDArray[np.float64] | None:
    """The move on which enough points agree, 3 × 3."""
    table = seeing_table("motion")
    start, end, followed = _follow(before, after)
    if len(start) < table["least_points"] or followed < table["least_followed"]:
        return None
    rows, agreeing = cv2.estimateAffinePartial2D(start, end, method=cv2.RANSAC,
                                                 ransacReprojThreshold=table["reprojection_px"], maxIters=500)
    if rows is None or agreeing.mean() < table["least_agreeing"]:
        return None
    return np.vstack([rows, [0.0, 0.0, 1.0]])
