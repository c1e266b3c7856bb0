"""What does one step show by itself, before the match around it is known?

A glance follows from the frames of its own step and from the last one before it, so it is the same in every chunk.
What needs the match — whose shirt, which ball, who was missed for a moment — is settled from all glances (`settle`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from touchline.domain.detection import Detection
from touchline.errors import DamagedResultError
from touchline.seeing.boxes import Boxes, areas, feet, shared
from touchline.seeing.camera import MOST_MOVE, Move
from touchline.seeing.grass import Green, Mask, Picture, find_green, grass_mask, pitch_region, stand_on
from touchline.seeing.table import seeing_table

UNIT = 1000
"""Fractions are stored in thousandths, logarithms as well."""
MOST_ROWS = 1000
"""People or balls of one step: no detector finds more."""


@dataclass(frozen=True, slots=True)
class Glance:
    """One step of 0.2 s. x to the right, y down, in fractions of the picture's width and height."""

    match_ms: int
    people: Boxes
    """[N, 4]: x1, y1, x2, y2 of those on the pitch; of all where grass is too little or pale."""
    scores: NDArray[np.float32]
    """[N]: the detector's, 0…1."""
    kits: NDArray[np.uint8]
    """[N, 3]: usual colour of the upper body without grass, in OpenCV's Lab of 8 bits."""
    balls: NDArray[np.float32]
    """[M, 4]: x, y, score, 1 on the pitch or 0 beside it; the best first."""
    camera: Move | None
    """Pan, tilt, zoom since the step before, as in `Sight`."""
    is_cut: bool
    grass: float
    """Share of the picture, 0…1."""
    is_looked: bool = True
    """Whether people and ball were looked for."""


def glance(match_ms: int, frame: Picture | None, shrunk: Picture, detections: Sequence[Detection] | None,
           camera: Move | None, is_cut: bool) -> Glance:
    """Bring together what a step shows: its last frame (RGB), the same frame shrunk, and the boxes in it.

    `frame` and `detections` are None where nobody was looked for.
    """
    is_looked, detections = detections is not None, detections or ()
    green = find_green(shrunk)
    grass = grass_mask(shrunk, green)
    region = _region(green, grass)
    boxes, scores = _people_on(region, detections)
    largest = seeing_table("ball")["largest"] * float((boxes[:, 3] - boxes[:, 1]).max(initial=0.0))
    balls = _balls([one for one in detections if one.kind == "ball" and (not len(boxes) or one.y2 - one.y1 <= largest)],
                   region)
    kits = np.zeros((0, 3), np.uint8) if frame is None else kit_colours(frame, boxes, green)
    return Glance(match_ms, boxes, scores, kits, balls, camera, is_cut, float(grass.mean()), is_looked)


def deserves_closer_look(shrunk: Picture, detections: Sequence[Detection]) -> bool:
    """Whether the pitch is shown from so far that people are low, or small and mostly seen unsurely, or not seen."""
    table = seeing_table("closer_look")
    green = find_green(shrunk)
    grass = grass_mask(shrunk, green)
    if grass.mean() < table["least_grass"]:
        return False
    boxes, scores = _people_on(_region(green, grass), detections)
    if len(boxes) < table["few"]:
        return True
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    sure = float((scores >= seeing_table("people")["sure_score"]).mean())
    return height < table["low"] or (height < table["small"] and sure < table["least_sure"])


def kit_colours(frame: Picture, boxes: Boxes, green: Green | None) -> NDArray[np.uint8]:
    """Lab colour [N, 3] of each person's shirt: the median of the upper body's middle, without what is grass there.

    Where most of it has the colour of grass, the shirt has.
    """
    height, width = frame.shape[:2]
    found = np.zeros((len(boxes), 3), np.uint8)
    for row, (x1, y1, x2, y2) in zip(found, boxes.tolist(), strict=True):
        left, right = x1 + 0.25 * (x2 - x1), x1 + 0.75 * (x2 - x1)
        top, bottom = y1 + 0.18 * (y2 - y1), y1 + 0.5 * (y2 - y1)
        x, y = min(width - 1, int(left * width)), min(height - 1, int(top * height))
        shirt = frame[y : max(y + 1, round(bottom * height)), x : max(x + 1, round(right * width))]
        lab = cv2.cvtColor(np.ascontiguousarray(shirt), cv2.COLOR_RGB2LAB).reshape(-1, 3)
        cloth = ~grass_mask(shirt, green).ravel()
        row[:] = np.median(lab[cloth] if cloth.mean() >= 0.4 else lab, axis=0)
    return found


def plain_glance(one: Glance) -> dict[str, Any]:
    """As in the results, see docs/files.md: whole numbers, thousandths of the picture."""
    people = np.column_stack([_whole(one.people), _whole(one.scores), one.kits.astype(np.int64)])
    camera = None if one.camera is None else [round(number * UNIT) for number in one.camera]
    return {"match_ms": one.match_ms, "people": people.ravel().tolist(), "balls": _whole(one.balls).ravel().tolist(),
            "camera": camera, "cut": one.is_cut, "grass": round(one.grass * UNIT), "looked": one.is_looked}


def glance_from_plain(plain: dict[str, Any]) -> Glance:
    """The glance that `plain_glance` wrote.

    Raises:
        DamagedResultError: something else wrote it.
    """
    try:
        people = _rows(plain["people"], 8)
        balls = _rows(plain["balls"], 4)
        camera = plain["camera"]
        if camera is not None:
            pan, tilt, zoom = (float(number) / UNIT for number in camera)
            camera = (pan, tilt, zoom)
            if not max(map(abs, camera)) <= MOST_MOVE:
                raise ValueError("a camera that moves too far")
        return Glance(int(plain["match_ms"]), (people[:, :4] / UNIT).astype(np.float32),
                      (people[:, 4] / UNIT).astype(np.float32), people[:, 5:].astype(np.uint8),
                      (balls / UNIT).astype(np.float32), camera, bool(plain["cut"]), float(plain["grass"]) / UNIT,
                      bool(plain["looked"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DamagedResultError(f"a glance of an unexpected form ({error}): compute the chunk again") from error


def _rows(numbers: Any, width: int) -> NDArray[np.int64]:
    rows: NDArray[np.int64] = np.array(numbers, np.int64).reshape(-1, width)
    if len(rows) > MOST_ROWS:
        raise ValueError("too many people or balls")
    if ((rows < 0) | (rows > UNIT)).any():
        raise ValueError("a number outside 0 to 1000")
    return rows


def _whole(fractions: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.rint(fractions * UNIT).astype(np.int64)


def _region(green: Green | None, grass: Mask) -> Mask | None:
    return None if green is None or green.is_pale else pitch_region(grass)


def _people_on(region: Mask | None, detections: Sequence[Detection]) -> tuple[Boxes, NDArray[np.float32]]:
    """The people who stand on the pitch, the surest first."""
    boxes, scores = _people(detections)
    on_pitch = stand_on(region, feet(boxes))
    return boxes[on_pitch], scores[on_pitch]


def _people(detections: Sequence[Detection]) -> tuple[Boxes, NDArray[np.float32]]:
    """Everybody, the surest first; without second boxes on somebody that are unsure."""
    table = seeing_table("people")
    likely = sorted((one for one in detections if one.kind != "ball" and one.score >= table["least_score"]),
                    key=lambda one: -one.score)
    boxes = np.array([(one.x1, one.y1, one.x2, one.y2) for one in likely], np.float32).reshape(-1, 4)
    scores = np.array([one.score for one in likely], np.float32)
    area = areas(boxes)
    smaller = np.maximum(np.minimum(area[:, None], area[None, :]), 1e-12)
    covered = np.tril(shared(boxes, boxes) / smaller, -1).max(axis=1, initial=0.0)
    kept = (scores >= table["sure_score"]) | (covered <= table["unsure_overlap"])
    return boxes[kept], scores[kept]


def _balls(detections: Sequence[Detection], region: Mask | None) -> NDArray[np.float32]:
    table = seeing_table("ball")
    likely = sorted((one for one in detections if one.score >= table["least_score"]), key=lambda one: -one.score)
    rows = np.array([(*one.centre, one.score) for one in likely[: table["most"]]], np.float32).reshape(-1, 3)
    return np.column_stack([rows, stand_on(region, rows[:, :2])]).astype(np.float32)
