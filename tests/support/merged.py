"""What `merge_actions` writes, as far as later steps ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

UNKNOWN = {"kits": {}, "told_by": None, "ours": None}
ALL_SEEN = {"people": 14, "ball": 0.4, "camera": 0.99, "sound": True, "teams": True, "score": True}


def merged(*actions: Mapping[str, Any], candidates: tuple[Mapping[str, Any], ...] = (),
           sides: Mapping[str, Any] = UNKNOWN, kick_offs_ms: Sequence[int] = ()) -> dict[str, Any]:
    """The result with these actions; without `sides` nobody could tell the teams apart."""
    return {"actions": list(actions), "candidates": list(candidates), "sides": dict(sides), "seen": dict(ALL_SEEN),
            "kick_offs_ms": list(kick_offs_ms)}
