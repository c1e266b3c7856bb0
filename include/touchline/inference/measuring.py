"""How good is a model on examples with known answers?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from touchline.domain.detection import DETECTION_KINDS, Detection

TruthBox = tuple[str, float, float, float, float]
OVERLAP = {**dict.fromkeys(DETECTION_KINDS, 0.5), "ball": 0.3}
"""A box of seven pixels that is one pixel off overlaps by 0.55: the ball is given more room."""

TOLERANCE_MS = 2000
LEAST_F1 = 0.3
"""A label that is found worse than this stays below every threshold: it would be more wrong than right."""


def average_precision(scores: Sequence[float], correct: Sequence[bool], positives: int) -> float:
    """Area under the precision-recall curve, with precision made monotone (PASCAL VOC 2010 and later)."""
    if not positives or not len(scores):
        return 0.0
    order = np.argsort(-np.asarray(scores), kind="stable")
    hits = np.cumsum(np.asarray(correct, bool)[order])
    precision = hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    recall = hits / positives
    return float(np.sum(np.diff(recall, prepend=0.0) * best))


def detection_precision(found: Sequence[Sequence[Detection]], truth: Sequence[Sequence[TruthBox]]) -> dict[str, float]:
    """Average precision per kind over frames; a true box counts once. Kinds that never occur are left out."""
    result = {}
    for kind in DETECTION_KINDS:
        scores: list[float] = []
        correct: list[bool] = []
        positives = 0
        for detections, boxes in zip(found, truth, strict=True):
            left = [box[1:] for box in boxes if box[0] == kind]
            positives += len(left)
            for one in sorted((one for one in detections if one.kind == kind), key=lambda one: -one.score):
                overlaps = [_overlap((one.x1, one.y1, one.x2, one.y2), box) for box in left]
                best = int(np.argmax(overlaps)) if overlaps else -1
                hit = best >= 0 and overlaps[best] >= OVERLAP[kind]
                scores.append(one.score)
                correct.append(hit)
                if hit:
                    left.pop(best)
        if positives:
            result[kind] = round(average_precision(scores, correct, positives), 3)
    return result


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def spotting_precision(moments_ms: Sequence[int], scores: NDArray[np.float32],
                       actions: Sequence[tuple[int, int]], labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """How well windows [N, labels] find actions (match_ms, column): per label average precision within ±2 s.

    Of windows nearer than 2 s only the best counts, as when spottings are merged. `found` is the share of actions
    with a best window of at least 0.5.
    """
    result = {}
    for column, label in enumerate(labels):
        left = [moment for moment, wanted in actions if wanted == column]
        if not left:
            continue
        total, correct, found = len(left), [], 0
        peaks = _peaks(moments_ms, scores[:, column])
        for moment, score in peaks:
            near = [one for one in left if abs(one - moment) <= TOLERANCE_MS]
            correct.append(bool(near))
            if near:
                left.remove(min(near, key=lambda one: abs(one - moment)))
                found += score >= 0.5
        wrong = sum(score >= 0.5 and not hit for (_, score), hit in zip(peaks, correct, strict=True))
        precision = average_precision([score for _, score in peaks], correct, total)
        result[label] = {"actions": total, "average_precision": round(precision, 3),
                         "found": round(found / total, 3), "false_alarms": wrong}
    return result


def best_thresholds(moments_ms: Sequence[int], scores: NDArray[np.float32], actions: Sequence[tuple[int, int]],
                    labels: Sequence[str]) -> list[float | None]:
    """Per label the score from which on spottings give the best F1; None where even that is below `LEAST_F1`."""
    thresholds: list[float | None] = []
    for column in range(len(labels)):
        left = [moment for moment, wanted in actions if wanted == column]
        total, hits, best, threshold = len(left), 0, LEAST_F1, None
        for rank, (moment, score) in enumerate(_peaks(moments_ms, scores[:, column]), 1):
            near = [one for one in left if abs(one - moment) <= TOLERANCE_MS]
            if near:
                left.remove(min(near, key=lambda one: abs(one - moment)))
                hits += 1
            if 2 * hits / (rank + total) > best:
                best, threshold = 2 * hits / (rank + total), score
        thresholds.append(threshold)
    return thresholds


def _peaks(moments_ms: Sequence[int], scores: NDArray[np.float32]) -> list[tuple[int, float]]:
    """(moment, score) of the windows that have no better one near them, best first."""
    kept: list[tuple[int, float]] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if all(abs(moments_ms[index] - moment) > TOLERANCE_MS for moment, _ in kept):
            kept.append((moments_ms[index], float(scores[index])))
    return kept
