"""What of a match goes into the catalogue? Checked first: a step, or a stranger, may have written anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from touchline.domain.label import LABELS
from touchline.domain.layout import WorkFiles
from touchline.domain.text import MOST_OF_A_TITLE, shown
from touchline.errors import DamagedResultError
from touchline.exports.match_files import match_title
from touchline.results.request import REELS
from touchline.results.result import reading_result

MOST_ACTIONS = 100_000
_MOST = 1 << 53
_MOST_HALF = 1 << 30
"""The catalogue's columns hold no more."""
_SOURCES = ("model", "pattern", "mark", "review")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def noted_actions(files: WorkFiles) -> list[dict[str, Any]]:
    """The actions of a match.

    Raises:
        DamagedResultError: they are missing, or not what `merge_actions` writes.
    """
    with reading_result(files.actions) as result:
        return checked_actions(result["actions"])


def noted_reels(files: WorkFiles, names: Sequence[str]) -> list[dict[str, Any]]:
    """The reels of these names.

    Raises:
        DamagedResultError: one is missing, or not what `render_reel` writes.
    """
    return [_noted_reel(files.reel(name), name) for name in names]


def headline(files: WorkFiles) -> dict[str, Any]:
    """Title and length, where the probe got that far."""
    try:
        with reading_result(files.probe) as probe:
            recordings = probe["recordings"]
            length = sum(_whole(recording["duration_ms"]) for recording in recordings)
            title = match_title(probe.get("sidecar") or {}, recordings)
            return {"title": shown(title, MOST_OF_A_TITLE), "duration_ms": length}
    except DamagedResultError:
        return {}


def checked_actions(found: Any) -> list[dict[str, Any]]:
    """The same actions.

    Raises:
        ValueError, TypeError, LookupError: one is not an action.
    """
    if not isinstance(found, list) or len(found) > MOST_ACTIONS:
        raise ValueError("no list of actions")
    return [_action(item) for item in found]


def checked_reel(reel: Any, name: str) -> dict[str, Any]:
    """The same reel; its `clips` may be of any kind, they are counted only.

    Raises:
        ValueError, TypeError, LookupError: it is not a reel, or another one.
    """
    if reel["name"] != name or name not in REELS or not isinstance(reel["clips"], list):
        raise ValueError(f"reel {reel['name']!r}")
    sha256 = reel.get("sha256")
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise ValueError(f"sha256 {sha256!r}")
    return {"name": name, "clips": reel["clips"], "frames": _whole(reel["frames"]),
            "duration_ms": _whole(reel["duration_ms"]), "sha256": sha256, "size_bytes": _whole(reel["size_bytes"] or 0)}


def _noted_reel(path: Path, name: str) -> dict[str, Any]:
    with reading_result(path) as result:
        return checked_reel(result, name)


def _action(item: Mapping[str, Any]) -> dict[str, Any]:
    confidence = item["confidence"]
    is_share = type(confidence) in (int, float) and 0 <= confidence <= 1
    if item["label"] not in LABELS or item["source"] not in _SOURCES or not is_share:
        raise ValueError(f"action {str(item)[:60]}")
    return {"match_ms": _whole(item["match_ms"]), "half": _whole(item["half"], _MOST_HALF), "label": item["label"],
            "position_ms": _whole(item["position_ms"]), "confidence": confidence, "source": item["source"]}


def _whole(value: Any, most: int = _MOST) -> int:
    if type(value) is not int or not 0 <= value < most:
        raise ValueError(f"{value!r} is not a whole number of a usual size")
    return value
