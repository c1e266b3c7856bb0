"""What does a stretch of film show, step by step? The detector looks at whole frames, and closer where it must."""

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
from touchline.seeing.camera import Link, Move, Small, chain, link_frames, prepare
from touchline.seeing.glance import Glance, deserves_closer_look, glance
from touchline.seeing.sight import STEP_MS
from touchline.seeing.table import seeing_table

Pixels = NDArray[np.uint8]
STEP_FRAMES = STEP_MS * seeing_table("motion")["fps"] // 1000
LOOK_MS = 400
"""So often people and ball are looked for; a multiple of STEP_MS. Between two looks people are where they must pass."""
LOOK_FRAMES = LOOK_MS * seeing_table("motion")["fps"] // 1000
FULL_PX = 1280
"""Longest side of the frames that are looked at. Detectors take half of it, unless they look closer."""


@dataclass(frozen=True, slots=True)
class Still:
    """A step before anybody is looked for: its last frame (RGB) shrunk, and how the camera moved since the one before.

    `full` is the same frame at full size, None where nobody is looked for.
    """

    match_ms: int
    full: Pixels | None
    shrunk: Pixels
    camera: Move | None
    is_cut: bool


def look_size(recording: Recording, longest_px: int = FULL_PX) -> tuple[int, int]:
    """Width and height, even, at which a recording is looked at."""
    sides = recording.video.width, recording.video.height
    scale = min(1.0, longest_px / max(sides))
    width, height = (max(2, round(side * scale / 2) * 2) for side in sides)
    return width, height


def stills(frames: Iterable[tuple[int, Pixels, Pixels | None]], moments: Mapping[int, int]) -> Iterator[Still]:
    """Yield a still for each moment that the frames cover.

    Args:
        frames: (index on the grid of `fps` of `[motion]` a second, RGB picture [h, w, 3] of `small_size`, the same at
            full size where people are looked for) of one stretch without a gap, all of one size. It should begin one
            step before the first moment, where there is one: the camera's move is known only over a whole step.
        moments: index on the grid → match_ms, one for each step.
    """
    links: list[Link] = []
    before: Small | None = None
    for index, shrunk, full in frames:
        small = prepare(shrunk)
        links += [link_frames(before, small)] if before is not None else []
        before, links = small, links[-STEP_FRAMES:]
        if index in moments:
            camera, is_cut = chain(links, shrunk.shape[1], shrunk.shape[0])
            yield Still(moments[index], full, shrunk, camera if len(links) == STEP_FRAMES else None, is_cut)


def look(shown: Iterable[Still], detector: Detector) -> Iterator[Glance]:
    """Yield a glance for each still; the detector is asked for those that have a full frame, one each `LOOK_MS`.

    Each has the place in the detector's batch that its match time gives it, so that it gives the same boxes whatever
    stands beside it.

    Args:
        shown: of one stretch, in order of time.
        detector: with `least_ball_score` as `[ball]` has it.
    """
    for _, group in groupby(shown, lambda still: still.match_ms // LOOK_MS // detector.batch):
        batch = list(group)
        found = _found([(still, still.full) for still in batch if still.full is not None], detector)
        for still in batch:
            seen = found.get(still.match_ms)
            yield glance(still.match_ms, still.full, still.shrunk, seen, still.camera, still.is_cut)


def _found(looked: Sequence[tuple[Still, Pixels]], detector: Detector) -> dict[int, list[Detection]]:
    """What is found at each match time; empty places of a batch are filled with black."""
    found: dict[int, list[Detection]] = {}
    for batch in placed(looked, lambda one: one[0].match_ms // LOOK_MS, detector.batch):
        black = np.zeros_like(next(one[1] for one in batch if one))
        seen = detector.detect([one[1] if one else black for one in batch])
        found |= {one[0].match_ms: _closer(*one, whole, detector)
                  for one, whole in zip(batch, seen, strict=True) if one}
    return found


def _closer(still: Still, frame: Pixels, seen: list[Detection], detector: Detector) -> list[Detection]:
    """What is found at twice the size, where people are too small for the usual look; else what was seen.

    It follows from this frame alone, so it is the same in every chunk.
    """
    closer = detector.detect_closely(frame) if deserves_closer_look(still.shrunk, seen) else None
    return seen if closer is None else closer
