"""Which words stand in a picture? PP-OCR through rapidocr, whose package brings the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from touchline.domain.seen_text import SeenText

Pixels = NDArray[np.uint8]

LEAST_SCORE = 0.6
MOST_TEXTS = 200
LONGEST_TEXT = 80
LONGEST_SIDE_PX = 1280
"""Larger pictures are made smaller before text is looked for; small ones are not made larger."""


class TextReader:
    """A reader that is loaded once and looks at many pictures."""

    def __init__(self, threads: int) -> None:
        """Load the models."""
        from rapidocr import RapidOCR

        self._read: Any = RapidOCR(params={
            "Global.log_level": "critical",
            "Global.use_cls": False,  # graphics stand upright
            "Global.max_side_len": LONGEST_SIDE_PX,
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST_SIDE_PX,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        })

    def read(self, picture: Pixels) -> list[SeenText]:
        """Texts of an RGB picture [H, W, 3], from left to right."""
        found = self._read(np.ascontiguousarray(picture[..., ::-1]))
        if found.txts is None or found.boxes is None:
            return []
        texts = [_placed(text, corners, picture.shape) for text, corners, score
                 in zip(found.txts, found.boxes, found.scores, strict=True) if float(score) >= LEAST_SCORE]
        return sorted(texts[:MOST_TEXTS], key=lambda text: (text.x1, text.y1))


def _placed(text: str, corners: Any, shape: Sequence[int]) -> SeenText:
    height, width = shape[:2]
    points = np.asarray(corners, float)
    points = (points / (width, height)).clip(0, 1)
    (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return SeenText(text[:LONGEST_TEXT], x1, y1, x2, y2)
