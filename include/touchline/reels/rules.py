"""Which reels are there, which actions do they take, and how long is the clip of each? The table is `reels.toml`."""

from __future__ import annotations

import functools
import hashlib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("reels.toml")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


@dataclass(frozen=True)
class ClipRule:
    """One label: rolls in milliseconds. `keeper_acts`: the team that acts is that of the keeper whom one sees."""

    pre_roll_ms: int
    post_roll_ms: int
    priority: int
    colour: str
    lane: int
    keeper_acts: bool = False


@dataclass(frozen=True)
class ReelKind:
    """One kind of reel: `marks`: it takes every mark of the coach; `actions`: label → lowest confidence it takes.

    `colour`, `colour_dark`: of its clips on the report's timeline, on a light page and on a dark one.
    `our_keeper`: it leaves out what the other team's goalkeeper does, where that can be told. It is at most
    `most_minutes` long, and at most `most_share` of its match. Where it is shorter than `least_minutes` and
    `least_share`, candidates of at least `least_confidence` follow.
    """

    title: str
    colour: str
    colour_dark: str
    marks: bool
    actions: Mapping[str, float]
    most_minutes: float = math.inf
    most_share: float = 1.0
    least_minutes: float = 0.0
    least_share: float = 1.0
    least_confidence: float = 1.0
    our_keeper: bool = False


@dataclass(frozen=True)
class ClipRules:
    """The whole table; `digest` (hex) names its content among the inputs of a result."""

    reels: Mapping[str, ReelKind]
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
        kind = self.reels[reel]
        if source == "mark" and kind.marks:
            return True
        lowest = kind.actions.get(label)
        return lowest is not None and confidence >= lowest

    def concerns(self, reel: str, label: str, team: str | None, ours: str | None) -> bool | None:
        """Whether an action of this team concerns those whom a reel is about; None where that cannot be told.

        A reel that is not our goalkeeper's is about both teams.
        """
        if not self.reels[reel].our_keeper:
            return True
        if team is None or ours is None:
            return None
        return (team == ours) == self.of(label).keeper_acts

    def most_ms(self, reel: str, match_ms: int) -> float:
        """How long a reel of a match of this length may be."""
        kind = self.reels[reel]
        return min(kind.most_minutes * 60_000, kind.most_share * match_ms)

    def least_ms(self, reel: str, match_ms: int) -> float:
        """From which length on a reel of a match of this length needs no candidates."""
        kind = self.reels[reel]
        return min(kind.least_minutes * 60_000, kind.least_share * match_ms)

    def fills(self, reel: str, label: str, confidence: float) -> bool:
        """Whether a candidate may fill a reel that is short."""
        return confidence >= self.reels[reel].least_confidence and self.takes(reel, label, confidence, "")

    def rank(self, label: str, confidence: float) -> float:
        """What an action is worth to a reel that is too short for all: how sure, times how interesting."""
        return confidence * self.of(label).priority


@functools.cache
def load_rules(path: Path = TABLE) -> ClipRules:
    """Read the table; the shipped one unless another is named."""
    content = path.read_bytes()
    table = tomllib.loads(content.decode())
    return ClipRules(
        reels={_name(name): ReelKind(**row) for name, row in table["reel"].items()},
        labels={label: _rule(row) for label, row in table["label"].items()},
        default=_rule(table["default"]),
        merge_gap_ms=table["merge_gap_ms"],
        shortest_part_ms=table["shortest_part_ms"],
        digest=hashlib.sha256(content).hexdigest(),
    )


def _rule(row: Mapping[str, Any]) -> ClipRule:
    return ClipRule(row["pre_roll_ms"], row["post_roll_ms"], row["priority"], row["colour"], row["lane"],
                    row.get("keeper_acts", False))


def _name(name: str) -> str:
    """It becomes a file's name and part of a command."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"[reel.{name}] in the table of clips: use lower-case letters, digits and _")
    return name
