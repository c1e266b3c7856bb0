"""How does SoccerNet write down actions? Its prediction file, and both of its files read back with all checks.

The files are those of the SoccerNet development kit: `Labels-v2.json` holds `annotations`, `results_spotting.json`
holds `predictions`; their numbers are text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.domain.half import game_time
from touchline.errors import UsageError

_GAME_TIME = re.compile(r"([0-9]+) - ([0-9]{1,3}):([0-9]{1,2})")


@dataclass(frozen=True)
class Moment:
    """One line of a SoccerNet file: half from 1, `position_ms` since it began; truth has confidence 1."""

    half: int
    position_ms: int
    label: str
    confidence: float = 1.0
    visible: bool = True


def results_spotting(match_id: str, actions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The content of `results_spotting.json` from actions as `actions.json` holds them."""
    return {"UrlLocal": match_id, "predictions": [_prediction(action) for action in actions]}


def _prediction(action: Mapping[str, Any]) -> dict[str, str]:
    return {
        "gameTime": game_time(action["half"], action["position_ms"]),
        "label": action["label"],
        "position": str(action["position_ms"]),
        "half": str(action["half"]),
        "confidence": str(action["confidence"]),
    }


def read_labels(path: Path) -> list[Moment]:
    """Read a `Labels-v2.json`.

    Raises:
        UsageError: it cannot be read or is not such a file; the message names the file and the entry.
    """
    return [_moment(path, number, entry, truth=True) for number, entry in _entries(path, "annotations")]


def read_predictions(path: Path) -> list[Moment]:
    """Read a `results_spotting.json`; errors as in `read_labels`."""
    return [_moment(path, number, entry, truth=False) for number, entry in _entries(path, "predictions")]


def _entries(path: Path, key: str) -> list[tuple[int, Mapping[str, Any]]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from None
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise UsageError(f"{path} has no list {key!r}: give a SoccerNet file that has one")
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise UsageError(f"{path}: entry {number} of {key} is not an object")
    return list(enumerate(entries, start=1))


def _moment(path: Path, number: int, entry: Mapping[str, Any], *, truth: bool) -> Moment:
    try:
        return _truth(entry) if truth else _predicted(entry)
    except KeyError as error:
        raise UsageError(f"{path}: entry {number} has no {error}") from None
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}: entry {number}: {error}") from None


def _truth(entry: Mapping[str, Any]) -> Moment:
    half, clock_ms = _game_time(entry["gameTime"])
    position_ms = _milliseconds(entry["position"]) if "position" in entry else clock_ms
    return Moment(half, position_ms, _label(entry), visible=entry.get("visibility") != "not shown")


def _predicted(entry: Mapping[str, Any]) -> Moment:
    half = int(entry["half"]) if "half" in entry else _game_time(entry["gameTime"])[0]
    confidence = float(entry["confidence"])
    if not 0 <= confidence <= 1:
        raise ValueError(f"confidence {entry['confidence']!r} is not between 0 and 1")
    return Moment(half, _milliseconds(entry["position"]), _label(entry), confidence)


def _game_time(value: object) -> tuple[int, int]:
    match = _GAME_TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError(f'gameTime {value!r} does not look like "1 - 12:34"')
    return int(match[1]), (int(match[2]) * 60 + int(match[3])) * 1000


def _milliseconds(value: object) -> int:
    try:
        position_ms = int(str(value))
    except ValueError:
        raise ValueError(f"position {value!r} is not a whole number of milliseconds") from None
    if position_ms < 0:
        raise ValueError(f"position {value!r} lies before the half began")
    return position_ms


def _label(entry: Mapping[str, Any]) -> str:
    if not isinstance(entry["label"], str):
        raise ValueError(f"label {entry['label']!r} is not text")
    return entry["label"]
