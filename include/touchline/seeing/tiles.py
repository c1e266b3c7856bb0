"""Which parts of a frame are worth a closer look, and how do their boxes become those of the frame?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchline.seeing.boxes import Boxes, areas, shared
from touchline.seeing.grass import Mask
from touchline.seeing.table import seeing_table


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the picture, in fractions of it."""

    x1: float
    y1: float
    x2: float
    y2: float

    def crop(self, picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        """This part of a picture [H, W, 3], as one of (width, height)."""
        top = min(round(self.y1 * picture.shape[0]), picture.shape[0] - size[1])
        left = min(round(self.x1 * picture.shape[1]), picture.shape[1] - size[0])
        return np.ascontiguousarray(picture[top : top + size[1], left : left + size[0]])


def tile_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of every tile of a picture, in pixels."""
    across, down = _lengths(*_counts(width, height))
    return round(across * width), round(down * height)


def needed_tiles(grass: Mask, people: Boxes) -> list[Tile]:
    """The tiles with grass; none where the people that were found in the whole frame are large.

    `people` are their boxes in fractions of the picture.
    """
    table = seeing_table("tiles")
    if len(people) and np.median(people[:, 3] - people[:, 1]) >= table["small"]:
        return []
    grid = _grid(*_counts(grass.shape[1], grass.shape[0]))
    return [tile for tile in grid if _share(grass, tile) >= table["least_grass"]]


def from_tile(boxes: Boxes, tile: Tile) -> tuple[Boxes, NDArray[np.bool_]]:
    """Boxes of a tile as boxes of the picture, and which of them no inner edge of the tile cuts off."""
    margin = seeing_table("tiles")["cut_off"]
    inner = np.array([tile.x1 > 0, tile.y1 > 0, tile.x2 < 1, tile.y2 < 1])
    at_edge = np.concatenate([boxes[:, :2] < margin, boxes[:, 2:] > 1 - margin], axis=1)
    whole = ~(at_edge & inner).any(axis=1)
    size = np.array([tile.x2 - tile.x1, tile.y2 - tile.y1] * 2)
    return (boxes * size + np.array([tile.x1, tile.y1] * 2)).astype(np.float32), whole


def merged(boxes: Boxes, scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of the boxes to keep, best score first: one for each person (non-maximum suppression)."""
    table = seeing_table("tiles")
    order = np.argsort(-scores, kind="stable")
    both, area = shared(boxes, boxes), areas(boxes)
    union = np.maximum(area[:, None] + area[None, :] - both, 1e-12)
    smaller = np.maximum(np.minimum(area[:, None], area[None, :]), 1e-12)
    same = (both / union > table["same"]) | (both / smaller > table["inside"])
    kept: list[int] = []
    for index in order:
        if not same[index, kept].any():
            kept.append(int(index))
    return np.array(kept, np.intp)


def _counts(width: int, height: int) -> tuple[int, int]:
    """Columns and rows: more of them along the longer side."""
    table = seeing_table("tiles")
    most, fewest = table["along"], table["across"]
    return (most, fewest) if width >= height else (fewest, most)


def _lengths(columns: int, rows: int) -> tuple[float, float]:
    """Width and height of a tile in fractions of the picture: neighbours share `overlap` of a tile."""
    overlap = seeing_table("tiles")["overlap"]
    return 1 / (columns - (columns - 1) * overlap), 1 / (rows - (rows - 1) * overlap)


def _grid(columns: int, rows: int) -> list[Tile]:
    across, down = _lengths(columns, rows)
    step = 1 - seeing_table("tiles")["overlap"]
    corners = [(column * across * step, row * down * step) for row in range(rows) for column in range(columns)]
    return [Tile(x, y, min(1.0, x + across), min(1.0, y + down)) for x, y in corners]


def _share(grass: Mask, tile: Tile) -> float:
    height, width = grass.shape
    part = grass[round(tile.y1 * height) : round(tile.y2 * height), round(tile.x1 * width) : round(tile.x2 * width)]
    return float(part.mean())
