"""What do the detections of a frame say about the play, in a few numbers?"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import pstdev
from typing import Any

from touchline.domain.detection import Detection

PERSON_SCORE = 0.3
"""Chosen by eye on a few frames, not measured."""
BALL_SCORE = 0.15
"""Not measured: the ball is a few pixels, and only the best one of a frame is taken, so the threshold is low."""


def view(match_ms: int, detections: Sequence[Detection]) -> dict[str, Any]:
    """One entry of `views` in a chunk's result: counts of people, the best ball, and how far people are spread.

    `spread` is the standard deviation of the players' and keepers' centres across the picture, 0…1.
    """
    people = [one for one in detections if one.kind != "ball" and one.score >= PERSON_SCORE]
    balls = [one for one in detections if one.kind == "ball" and one.score >= BALL_SCORE]
    counts = {f"{kind}s": sum(one.kind == kind for one in people) for kind in ("player", "goalkeeper", "referee")}
    across = [one.centre[0] for one in people if one.kind != "referee"]
    return {"match_ms": match_ms, **counts, "ball": _ball(balls),
            "spread": round(pstdev(across), 3) if len(across) > 1 else 0.0}


def _ball(balls: Sequence[Detection]) -> list[float] | None:
    if not balls:
        return None
    best = max(balls, key=lambda one: one.score)
    return [round(best.centre[0], 3), round(best.centre[1], 3), round(best.score, 3)]
