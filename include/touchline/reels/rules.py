"""How long is the clip of each label, and which reels take it? The table is `clips.toml`."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("clips.toml")
MARKS_REEL = "highlights"
"""The reel that takes every mark of the coach, whatever its label."""


@dataclass(frozen=True)
class ClipRule:
    """One row of the table: rolls in milliseconds, `reels` maps a reel to the lowest confidence it takes."""

    pre_roll_ms: int
    post_roll_ms: int
    priority: int
    colour: str
    lane: int
    reels: Mapping[str, float]


@dataclass(frozen=True)
class ClipRules:
    """The whole table; `digest` (hex) names its content among the inputs of a result."""

    labels: Mapping[str, ClipRule]
    default: ClipRule
    merge_gap_ms: int
    shortest_part_ms: int
    digest: str

    def of(self, label: str) -> ClipRule:
        """The row of a label, or the default row."""
        return self.labels.get(label, self.default)

    def takes(self, reel: str, label: str, confidence: float, source: str) -> bool:
        """Whether an action belongs to a reel: by its label and confidence, or because a coach marked it."""
        if source == "mark" and reel == MARKS_REEL:
            return True
        lowest = self.of(label).reels.get(reel)
        return lowest is not None and confidence >= lowest


@functools.cache
def load_rules(path: Path = TABLE) -> ClipRules:
    """Read the table; the shipped one unless another is named."""
    content = path.read_bytes()
    table = tomllib.loads(content.decode())
    return ClipRules(
        labels={label: _rule(row) for label, row in table["label"].items()},
        default=_rule(table["default"]),
        merge_gap_ms=table["merge_gap_ms"],
        shortest_part_ms=table["shortest_part_ms"],
        digest=hashlib.sha256(content).hexdigest(),
    )


def _rule(row: Mapping[str, Any]) -> ClipRule:
    return ClipRule(
        row["pre_roll_ms"], row["post_roll_ms"], row["priority"], row["colour"], row["lane"], dict(row["reels"])
    )
