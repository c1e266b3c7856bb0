"""What did the club write down beside a recording? `match.toml` and `marks.csv`, both optional."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from touchline.domain.label import LABELS, find_label
from touchline.domain.text import MOST_OF_A_TITLE, control_in, shown
from touchline.errors import BadRecordingError, TouchlineError
from touchline.sidecars.find import find_sidecars

_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2}(?:\.\d{1,3})?)")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_KITS = ("home", "away", "home_keeper", "away_keeper")
_SHOWN_CHARACTERS = 80

MOST = {
    "bytes": 1 << 20,  # of a file: room for every bound below, many times
    "characters": MOST_OF_A_TITLE,  # of a title or a team
    "kick-offs": 20,  # a tournament's day in one recording: ten games of two halves
    "recordings": 100,  # of a match: chapters of two minutes, three hours of them
    "marks": 2000,  # one every three seconds of a match; a coach notes fifty, and each becomes a clip
}
"""Bounds of what a sidecar may hold: 74,000 kick-offs made a report of 40 MB in 223 s."""
EVERY = "all"
"""As `recordings` in match.toml: every recording of its folder is a part of the match."""
_MOST_DOTS = 500
"""In one line of match.toml. A key may have parts without end (`a.a.a…`), and tomllib takes time and memory by their
square: 100,000 of them took more than a minute and 5 GB."""


def sidecar_digest(first_recording: Path) -> str:
    """Hex sha256 over the sidecar files, so that a changed note is noticed."""
    digest = hashlib.sha256()
    for kind, path in find_sidecars(first_recording).items():
        digest.update(kind.encode() + b"\0" + _text(path).encode() + b"\0")
    return digest.hexdigest()


def read_sidecar(first_recording: Path, durations_ms: Sequence[int]) -> dict[str, Any]:
    """Read both files into the plain form that docs/files.md gives; what is missing is null or empty.

    Raises:
        BadRecordingError: a file cannot be understood; the message names the file, the line or key, and the form.
    """
    length_ms = sum(durations_ms)
    files = find_sidecars(first_recording)
    return {
        **_read_match(files.get("match.toml"), length_ms),
        "marks": _read_marks(files.get("marks.csv"), length_ms),
    }


def noted_date(first_recording: Path) -> date | None:
    """The date in `match.toml`; None where there is none, or where `read_sidecar` would refuse the file."""
    try:
        path = find_sidecars(first_recording).get("match.toml")
        text = _date(path, _toml(path).get("date")) if path else None
    except (OSError, ValueError, RecursionError, TouchlineError):
        return None
    return date.fromisoformat(text) if text else None


def noted_recordings(path: Path) -> list[str] | str | None:
    """The file names that a match.toml gives as `recordings`, in the order of play, or EVERY.

    None where it gives none, or where `read_sidecar` would refuse the whole file.

    Raises:
        BadRecordingError: what it gives is not a list of names of files beside it.
    """
    try:
        value = _toml(path).get("recordings")
    except (OSError, ValueError, RecursionError, TouchlineError):
        return None
    if value is None or value == EVERY:
        return value
    if not isinstance(value, list) or not value or not all(map(_is_name, value)):
        raise BadRecordingError(f'{path}: recordings {_short(value)} does not list files: write recordings = '
                                '["first.mp4", "second.mp4"], names of files beside it in the order of play, or "all"')
    _refuse_more(path, "recordings", len(value))
    return value


def noted_live(path: Path) -> bool:
    """Whether a match.toml says that the recordings beside it are looked at while they are written."""
    try:
        return _toml(path).get("live") is True
    except (OSError, ValueError, RecursionError, TouchlineError):
        return False


def clock_ms(text: str) -> int | None:
    """Milliseconds of "1:02:03.5", "62:03" or "12:31.250"; None when it is not a time."""
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        return None
    hours, minutes, seconds = match.groups()
    return (int(hours or 0) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)


def _read_match(path: Path | None, length_ms: int) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if path:
        try:
            content = _toml(path)
        except (ValueError, RecursionError) as error:  # tomllib lets through what int() and deep nesting raise
            raise BadRecordingError(f"{path} is not valid TOML ({_short(error)}): correct it and try again") from None
    kits = content.get("kits", {})
    if not isinstance(kits, dict):
        raise BadRecordingError(f'{path}: kits is not a table: write [kits] and lines such as home = "#c8102e"')
    return {
        **{key: _string(path, key, content.get(key)) for key in ("title", "home", "away")},
        "date": _date(path, content.get("date")),
        "our_keeper": _colour(path, "our_keeper", content.get("our_keeper")),
        "kits": {key: _colour(path, f"kits.{key}", kits.get(key)) for key in _KITS},
        "kick_offs_ms": _kick_offs(path, content.get("kick_offs", []), length_ms),
    }


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value not in ("", ".", "..") and "/" not in value and not control_in(value)


def _kick_offs(path: Path | None, value: Any, length_ms: int) -> list[int]:
    if not isinstance(value, list):
        raise BadRecordingError(f'{path}: kick_offs is not a list: write kick_offs = ["00:00:02", "00:48:10"]')
    _refuse_more(path, "kick-offs", len(value))
    times = []
    for item in value:
        time_ms = clock_ms(item) if isinstance(item, str) else None
        if time_ms is None or time_ms >= length_ms:
            raise BadRecordingError(
                f"{path}: kick-off {_short(item)} is not a time within the match: "
                'write "00:48:10", counted from its first frame'
            )
        times.append(time_ms)
    return sorted(times)


def _read_marks(path: Path | None, length_ms: int) -> list[dict[str, Any]]:
    if path is None:
        return []
    try:
        rows = list(csv.reader(io.StringIO(_text(path)), skipinitialspace=True))
    except csv.Error as error:
        raise BadRecordingError(f"{path} is not a table of times and labels ({error}): write 00:12:31.5,Save") from None
    marks: list[dict[str, Any]] = []
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and [cell.casefold() for cell in cells[:2]] == ["time", "label"]):
            continue
        marks.append(_mark(path, number, cells, length_ms))
    _refuse_more(path, "marks", len(marks))
    return sorted(marks, key=lambda mark: (mark["match_ms"], mark["label"]))


def _mark(path: Path, number: int, cells: list[str], length_ms: int) -> dict[str, Any]:
    time_ms = clock_ms(cells[0])
    label = find_label(cells[1]) if len(cells) > 1 else None
    if time_ms is None:
        raise BadRecordingError(f"{path} line {number}: {_short(cells[0])} is not a time: write 00:12:31.5,Save")
    if time_ms > length_ms:
        raise BadRecordingError(f"{path} line {number}: {cells[0]} lies after the end of the match")
    if label is None:
        raise BadRecordingError(
            f"{path} line {number}: unknown label {_short(', '.join(cells[1:2]))}: use {', '.join(LABELS)}"
        )
    return {"match_ms": time_ms, "label": label}


def _string(path: Path | None, key: str, value: Any) -> str | None:
    if value is None:
        return value
    if not isinstance(value, str):
        raise BadRecordingError(f"{path}: {key} is not text: put it in quotes")
    if control := control_in(value):
        raise BadRecordingError(f"{path}: {key} {_short(value)} holds the control character {control}: take it out")
    _refuse_more(path, "characters", len(value), f" in {key}")
    return shown(value)


def _refuse_more(path: Path | None, what: str, count: int, where: str = "") -> None:
    if count > MOST[what]:
        raise BadRecordingError(f"{path} holds {count:,} {what}{where}: {MOST[what]:,} at most")


def _date(path: Path | None, value: Any) -> str | None:
    if value is None:
        return None
    try:
        return (
            date.fromisoformat(value) if isinstance(value, str) else date(value.year, value.month, value.day)
        ).isoformat()
    except (ValueError, AttributeError):
        raise BadRecordingError(f"{path}: date {_short(value)} is not a date: write date = 2026-01-31") from None


def _colour(path: Path | None, key: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and _COLOUR.fullmatch(value):
        return value.lower()
    raise BadRecordingError(f'{path}: {key} {_short(value)} is not a colour: write "#c8102e"')


def _short(value: Any) -> str:
    """What a file says, as much of it as fits into a message."""
    text = str(value) if isinstance(value, Exception) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _toml(path: Path) -> dict[str, Any]:
    """What match.toml holds.

    Raises:
        BadRecordingError: it is not text, too large, or has a key that would be read for minutes.
        ValueError, RecursionError: it is not TOML.
    """
    text = _text(path)
    for number, line in enumerate(text.split("\n"), start=1):  # as TOML ends a line
        if (dots := line.count(".")) > _MOST_DOTS:
            raise BadRecordingError(f"{path} line {number} has {dots:,} dots: {_MOST_DOTS} at most")
    return tomllib.loads(text)


def _text(path: Path) -> str:
    with path.open("rb") as handle:
        content = handle.read(MOST["bytes"] + 1)
    if len(content) > MOST["bytes"]:
        raise BadRecordingError(f"{path} is larger than 1 MiB: it should hold a few lines")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRecordingError(f"{path} is not UTF-8 text: save it as UTF-8") from None
