"""What does a stretch of film show, step by step? The detector looks at whole frames, and closer where it pays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from touchline.domain.detection import Detection
from touchline.domain.recording import Recording
from touchline.inference.detector import Detector
from touchline.inference.places import placed
from touchline.seeing.boxes import Boxes
from touchline.seeing.camera import Link, Move, Small, chain, link_frames, prepare, shrink
from touchline.seeing.glance import Glance, glance
from touchline.seeing.grass import find_green, grass_mask
from touchline.seeing.sight import STEP_MS
from touchline.seeing.table import seeing_table
from touchline.seeing.tiles import Tile, from_tile, merged, needed_tiles, tile_size

Pixels = NDArray[np.uint8]
STEP_FRAMES = STEP_MS * seeing_table("motion")["fps"] // 1000
LOOK_MS = 400
"""So often people and ball are looked for; a multiple of STEP_MS. Between two looks people are where they must pass."""
LOOK_PX = 640
"""Longest side at which whole frames are looked at: what the detectors take, so nothing is scaled twice."""
CLOSE_PX = 1280
"""Longest side for a closer look: people of a wide shot are 30 to 60 pixels high there."""


@dataclass(frozen=True, slots=True)
class Still:
    """A step before anybody is looked for: its last frame (RGB), the same frame shrunk, and how the camera moved."""

    match_ms: int
    frame: Pixels
    shrunk: Pixels
    camera: Move | None
    is_cut: bool


def look_size(recording: Recording, longest_px: int = LOOK_PX) -> tuple[int, int]:
    """Width and height, even, at which a recording is looked at."""
    sides = recording.video.width, recording.video.height
    scale = min(1.0, longest_px / max(sides))
    width, height = (max(2, round(side * scale / 2) * 2) for side in sides)
    return width, height


def stills(frames: Iterable[tuple[int, Pixels]], moments: Mapping[int, int]) -> Iterator[Still]:
    """Yield a still for each moment that the frames cover.

    Args:
        frames: (index on the grid of `fps` of `[motion]` a second, RGB picture [H, W, 3]) of one stretch without a gap,
            all of one size. It should begin one step before the first moment, where there is one: the camera's move
            is known only over a whole step.
        moments: index on the grid → match_ms, one for each step.
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
            yield Still(moments[index], frame, shrunk, camera if len(links) == STEP_FRAMES else None, is_cut)


def look(shown: Iterable[Still], detector: Detector, *, every_ms: int = LOOK_MS,
         closely: bool = False) -> Iterator[Glance]:
    """Yield a glance for each still; the detector is asked for those at multiples of `every_ms` of match time.

    Each has the place in the detector's batch that its match time gives it, so that it gives the same boxes whatever
    stands beside it.

    Args:
        shown: of one stretch, in order of time.
        detector: with `least_ball_score` as `[ball]` has it.
        every_ms: a multiple of STEP_MS.
        closely: look at tiles of the picture as well, where people are small.
    """
    for _, group in groupby(shown, lambda still: still.match_ms // every_ms // detector.batch):
        batch = list(group)
        found = _found([still for still in batch if still.match_ms % every_ms == 0], detector, every_ms)
        for still in batch:
            seen = found.get(still.match_ms)
            if closely and seen is not None:
                seen = look_closer(still.frame, still.shrunk, seen, detector)
            yield glance(still.match_ms, still.frame, still.shrunk, seen, still.camera, still.is_cut)


def _found(looked: Sequence[Still], detector: Detector, every_ms: int) -> dict[int, list[Detection]]:
    """What is found at each match time; empty places of a batch are filled with black."""
    found: dict[int, list[Detection]] = {}
    for batch in placed(looked, lambda still: still.match_ms // every_ms, detector.batch):
        black = np.zeros_like(next(still.frame for still in batch if still))
        seen = detector.detect([still.frame if still else black for still in batch])
        found |= {still.match_ms: one for still, one in zip(batch, seen, strict=True) if still}
    return found


def look_closer(frame: Pixels, shrunk: Pixels, whole: Sequence[Detection], detector: Detector) -> list[Detection]:
    """What was found in the whole frame, and in the tiles that it needs: one for each person, best score first.

    Which tiles and batches there are follows from this frame alone, so it gives the same boxes in every chunk.
    """
    least = seeing_table("people")["sure_score"]
    people = _boxes([one for one in whole if one.kind != "ball" and one.score >= least])
    tiles = needed_tiles(grass_mask(shrunk, find_green(shrunk)), people)
    size = tile_size(frame.shape[1], frame.shape[0])
    closer = detector.detect([tile.crop(frame, size) for tile in tiles])
    found = [*whole, *(one for tile, some in zip(tiles, closer, strict=True) for one in _of_picture(some, tile))]
    people_found = [one for one in found if one.kind != "ball"]
    balls = [one for one in found if one.kind == "ball"]
    return sorted(_one_each(people_found) + _one_each(balls), key=lambda one: -one.score)


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
