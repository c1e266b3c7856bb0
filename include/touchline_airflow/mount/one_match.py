"""Which recordings of a folder are one match? match.toml tells, or the names that cameras and people give them.

GoPro numbers its chapters (GX010123.MP4, GX020123.MP4), people write "first half" and "2. Halbzeit". Other cameras
count their files only (00001.MTS, C0001.MP4, DJI_0001.MP4): in a folder of their own these are one match. Nothing
opens media.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from touchline.domain.text import shown
from touchline.errors import BadRecordingError
from touchline.sidecars.find import read_as
from touchline.sidecars.read import EVERY, noted_recordings

APART_S = 6 * 3600
"""Files that a camera only counts were written within this time, or they are of several matches."""

_GOPRO = re.compile(r"G([HXL])(\d{2})(\d{4})|GOPR(\d{4})|GP(\d{2})(\d{4})", re.IGNORECASE)
_COUNTED = re.compile(r"(\d{5})|(?:\d{8}_)?C(\d{4})|DJI(?:_\d{14})?_(\d{4})(?:_[A-Z])?", re.IGNORECASE)
"""AVCHD of Panasonic and Sony, XAVC of Sony, DJI."""
_ORDINALS = {"1": 1, "1st": 1, "first": 1, "erste": 1, "1ere": 1, "1ère": 1, "primer": 1, "primo": 1,
             "2": 2, "2nd": 2, "second": 2, "zweite": 2, "2eme": 2, "2ème": 2, "2e": 2, "segundo": 2, "secondo": 2}
_HALF = r"half|halbzeit|hälfte|hz|mi[ _-]?temps|tiempo|tempo"
_OF_A_HALF = re.compile(
    rf"(?<![^\W_])(?:(?P<before>{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})[ ._-]*(?:{_HALF}|h)"
    rf"|(?:{_HALF}|part|teil|h)[ ._-]*(?P<after>[1-9]))(?![^\W_])", re.IGNORECASE)


@dataclass(frozen=True)
class OneMatch:
    """The recordings of one match in the order of play, most often one.

    `may_grow`: another may follow, for all that is known. `fault`: one line that says why they are no match as they
    are, and what to do; empty where they can be one.
    """

    paths: tuple[Path, ...]
    may_grow: bool = False
    fault: str = ""

    def __str__(self) -> str:
        return ", ".join(map(str, self.paths))


@dataclass(frozen=True)
class _Named:
    """A recording whose name says to which others it belongs (`key`), and its number among them, from 1."""

    path: Path
    key: tuple[str, ...]
    number: int


def find_matches(recordings: Iterable[Path], notes: Iterable[Path], mount: Path, *, by_folder: bool,
               written_s: Callable[[Path], float]) -> list[OneMatch]:
    """Every recording of a folder in the one match to which it belongs, in the order of their first names.

    Args:
        recordings: all of one folder.
        notes: the files in it that are a match.toml.
        mount: NAS_MOUNT_PATH, whose own files are of many matches.
        by_folder: each folder below it holds one match.
        written_s: when a recording was last written, in seconds.
    """
    left = {path.name: path for path in sorted(recordings)}
    found = []
    for note in sorted(notes):
        found += _noted(note, left)
    rest = list(left.values())
    if rest and by_folder and rest[0].parent != mount:
        return _sorted([*found, _whole_folder(rest)])
    named, others = _by_name(rest, counted=bool(rest) and rest[0].parent != mount)
    found += [_chapters(group, written_s) for group in named]
    return _sorted([*found, *(OneMatch((path,)) for path in others)])


def _sorted(found: Iterable[OneMatch]) -> list[OneMatch]:
    return sorted(found, key=lambda one: one.paths)


def _noted(note: Path, left: dict[str, Path]) -> list[OneMatch]:
    """What one match.toml says of the recordings that are left; those that it names are left no more."""
    try:
        wanted = noted_recordings(note)
    except BadRecordingError as error:
        return [OneMatch((path,), fault=str(error)) for path in _taken(left, list(left))]
    if wanted is None:
        return []
    if wanted == EVERY:
        return [_whole_folder(_taken(left, list(left)))] if left else []
    places = [_as_written(name, left) for name in wanted]
    paths = _taken(left, [name for name in places if name])
    names = ", ".join(shown(name) for name, place in zip(wanted, places, strict=True) if place is None)
    fault = f"{note} names {names}, which is not beside it: copy it there, or take the name out" if names else ""
    return [OneMatch(tuple(paths), fault=fault)] if paths else []


def _as_written(name: str, left: Mapping[str, Path]) -> str | None:
    """The file that is meant, however its accents and capitals are written; None where none is."""
    return name if name in left else next((other for other in left if read_as(other) == read_as(name)), None)


def _taken(left: dict[str, Path], names: Sequence[str]) -> list[Path]:
    return [left.pop(name) for name in dict.fromkeys(names)]


def _whole_folder(paths: Sequence[Path]) -> OneMatch:
    """All recordings of a folder as one match, in the order that their names tell."""
    named, others = _by_name(paths, counted=True)
    if len(named) > 1 and not others and all(group[0].key[0] == "gopro" for group in named):
        each = [_chapters(group, None) for group in sorted(named, key=lambda group: group[0].key)]
        fault = next((one.fault for one in each if one.fault), "")
        return OneMatch(tuple(path for one in each for path in one.paths), True, fault)
    if len(named) == 1 and not others:
        return _chapters(named[0], None)
    halves = [group for group in named if group[0].key[0] == "half"]
    if len(halves) > 1:
        first, second = (shown(group[0].path.name) for group in halves[:2])
        fault = f"{first} and {second} are halves of two matches: give each match a folder of its own"
        return OneMatch(tuple(paths), True, fault)
    return OneMatch(tuple(sorted(paths, key=lambda path: _natural(path.name))), True)


def _by_name(paths: Sequence[Path], *, counted: bool) -> tuple[list[list[_Named]], list[Path]]:
    """The recordings whose names belong together, and those whose names say nothing of another."""
    named, others = list[_Named](), list[Path]()
    for path in paths:
        one = _named(path, counted=counted)
        if one:
            named.append(one)
        else:
            others.append(path)
    named.sort(key=lambda one: (one.key, one.number, one.path.name))
    groups = [list(group) for _, group in groupby(named, key=lambda one: one.key)]
    return groups, others


def _named(path: Path, *, counted: bool) -> _Named | None:
    stem = path.stem
    if match := _GOPRO.fullmatch(stem):
        kind, chapter, number, first, later, of_first = match.groups()
        if kind:
            return _Named(path, ("gopro", number, kind.upper()), int(chapter))
        return _Named(path, ("gopro", first or of_first, "P"), 1 + int(later or 0))
    if counted and (match := _COUNTED.fullmatch(stem)):
        return _Named(path, ("counted", path.suffix.casefold()), int(next(filter(None, match.groups()))))
    if match := _OF_A_HALF.search(stem):
        rest = re.sub(r"[\W_]+", " ", stem[: match.start()] + " " + stem[match.end() :]).strip().casefold()
        number = _ORDINALS[match["before"].casefold()] if match["before"] else int(match["after"])
        return _Named(path, ("half", rest), number)
    return None


def _chapters(named: Sequence[_Named], written_s: Callable[[Path], float] | None) -> OneMatch:
    """OneMatch that their names put in order."""
    return OneMatch(tuple(one.path for one in named), True, _fault(named, written_s))


def _fault(named: Sequence[_Named], written_s: Callable[[Path], float] | None) -> str:
    for one, other in pairwise(named):
        if one.number == other.number:
            return (f"{shown(one.path.name)} and {shown(other.path.name)} are the same recording by their names: leave "
                    "one of them there")
    if named[0].key[0] == "counted":
        return _written_apart(named, written_s) if written_s else ""
    missing = sorted(set(range(1, named[-1].number + 1)) - {one.number for one in named})
    if missing:
        last = named[-1]
        return (f"{shown(last.path.name)} is recording {last.number} of its match, and recording {missing[0]} is "
                'missing: copy it there as well, or name what there is in match.toml, recordings = ["…"]')
    return ""


def _written_apart(named: Sequence[_Named], written_s: Callable[[Path], float]) -> str:
    times: Mapping[float, Path] = {written_s(one.path): one.path for one in named}
    first, last = min(times), max(times)
    if last - first <= APART_S:
        return ""
    return (f"{shown(times[first].name)} and {shown(times[last].name)} were written {(last - first) / 3600:.0f} hours "
            "apart and cannot be one match: give each match a folder of its own, or name its files in match.toml, "
            'recordings = ["…"]')


def _natural(name: str) -> list[tuple[str, int]]:
    """part2 before part10."""
    return [(text.casefold(), int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name)]
