"""What does a stretch of film show, step by step? The detector looks at whole frames, and closer where it pays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from touchline.domain.detection import Detection
from touchline.inference.detector import Detector
from touchline.seeing.boxes import Boxes
from touchline.seeing.camera import Link, Small, chain, link_frames, prepare, shrink
from touchline.seeing.glance import Glance, glance
from touchline.seeing.grass import find_green, grass_mask
from touchline.seeing.sight import STEP_MS
from touchline.seeing.table import seeing_table
from touchline.seeing.tiles import Tile, from_tile, merged, needed_tiles, tile_size

Pixels = NDArray[np.uint8]
STEP_FRAMES = STEP_MS * seeing_table("motion")["fps"] // 1000
LOOK_PX = 1280
"""Longest side at which frames are looked at: people of a wide shot are 30 to 60 pixels high there."""


def look(frames: Iterable[tuple[int, Pixels]], moments: Mapping[int, int], detector: Detector, *,
         closely: bool = True) -> Iterator[Glance]:
    """Yield a glance for each moment that the frames cover.

    Args:
        frames: (index on the grid of `fps` of `[motion]` a second, RGB picture [H, W, 3]) of one stretch without a gap,
            all of one size. It should begin one step before the first moment, where there is one: the camera's move
            is known only over a whole step.
        moments: index on the grid → match_ms, one for each step.
        detector: with `least_ball_score` as `[ball]` has it.
        closely: look at tiles of the picture as well, where people are small.
    """
    links: list[Link] = []
    before: Small | None = None
    for index, frame in frames:
        shrunk = shrink(frame)
        small = prepare(shrunk)
        links += [link_frames(before, small)] if before is not None else []
        before, links = small, links[-STEP_FRAMES:]
        if index in moments:
            camera, is_cut = chain(links, shrunk.shape[1], shrunk.shape[0])
            found = detect_closely(frame, shrunk, detector) if closely else detector.detect([frame])[0]
            yield glance(moments[index], frame, shrunk, found, camera if len(links) == STEP_FRAMES else None, is_cut)


def detect_closely(frame: Pixels, shrunk: Pixels, detector: Detector) -> list[Detection]:
    """Detections in the whole frame and in the tiles that it needs, one for each person, best score first.

    Which tiles and batches there are follows from this frame alone, so it gives the same boxes in every chunk.
    """
    whole = detector.detect([frame])[0]
    least = seeing_table("people")["least_score"]
    tiles = needed_tiles(grass_mask(shrunk, find_green(shrunk)), _boxes([one for one in whole if one.kind != "ball"
                                                     and one.score >= least]))
    size = tile_size(frame.shape[1], frame.shape[0])
    closer = detector.detect([tile.crop(frame, size) for tile in tiles])
    found = whole + [one for tile, some in zip(tiles, closer, strict=True) for one in _of_picture(some, tile)]
    people = [one for one in found if one.kind != "ball"]
    balls = [one for one in found if one.kind == "ball"]
    return sorted(_one_each(people) + _one_each(balls), key=lambda one: -one.score)


def _of_picture(found: Sequence[Detection], tile: Tile) -> list[Detection]:
    """A tile's detections in fractions of the picture, without those that its edge cuts off."""
    boxes, whole = from_tile(_boxes(found), tile)
    return [Detection(one.kind, one.score, *(float(side) for side in box))
            for one, box, is_whole in zip(found, boxes, whole, strict=True) if is_whole]


def _one_each(found: Sequence[Detection]) -> list[Detection]:
    scores = np.array([one.score for one in found], np.float32)
    return [found[index] for index in merged(_boxes(found), scores)]


def _boxes(found: Sequence[Detection]) -> Boxes:
    return np.array([(one.x1, one.y1, one.x2, one.y2) for one in found], np.float32).reshape(-1, 4)
