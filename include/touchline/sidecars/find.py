"""Which files beside a recording are notes on it? `match.toml` and `marks.csv`, however their names are written.

A Mac writes "é" as two characters and a PC as one, a camera writes FINAL.MP4 and a coach Final.Marks.csv: a name that
is exactly as it should be comes first, then one that reads the same, then one that differs in capitals only.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from touchline.domain.text import shown
from touchline.errors import BadRecordingError
from touchline.storage import reading

KINDS = ("match.toml", "marks.csv")
DONE = ".done"
"""A file of this name in a folder: all that belongs to its matches is there."""
_MOST_TOLD = 5


def find_sidecars(first_recording: Path) -> dict[str, Path]:
    """The sidecar files of a match, by kind: `<stem>.match.toml` before `match.toml`, likewise the marks.

    Raises:
        BadRecordingError: one is a link that leads out of the recording's folder, or two could be meant: none is read.
        StorageError: the folder is away or cannot be read.
    """
    names = _names_in(first_recording.parent)
    found = {}
    for kind in KINDS:
        for wanted in (f"{first_recording.stem}.{kind}", kind):
            if path := _pick(first_recording, wanted, names):
                found[kind] = path
                break
    return found


def match_notes(folder: Path) -> list[Path]:
    """Every file in a folder that is a match.toml, of whichever recording; without links that lead out of it.

    Raises:
        StorageError: the folder is away or cannot be read.
    """
    found = (folder / name for name in _names_in(folder) if _kind_of(name) == "match.toml")
    return [path for path in found if not _leads_out(path) and path.is_file()]


def stray_notes(recording: Path) -> list[str]:
    """A line for each file that looks like the notes on a recording that is not beside it."""
    names = _names_in(recording.parent)
    stems = {read_as(Path(name).stem) for name in names}
    strays = [name for name in names if (stem := _stem_of(name)) is not None and read_as(stem) not in stems]
    lines = [f"{shown(name)} is named after no recording beside it and is not read: notes on this one are called "
             f"{shown(recording.stem)}.{_kind_of(name)}" for name in strays[:_MOST_TOLD]]
    return [*lines, f"{len(strays) - _MOST_TOLD} more files are named so"] if len(strays) > _MOST_TOLD else lines


def _pick(recording: Path, wanted: str, names: Sequence[str]) -> Path | None:
    if wanted not in names:
        same = _written_otherwise(recording, wanted, names)
        if len(same) > 1:
            raise BadRecordingError(f"{' and '.join(map(shown, sorted(same)))} may both be notes on "
                                    f"{shown(recording.name)}: leave one of them there")
        if not same:
            return None
        wanted = same[0]
    candidate = recording.with_name(wanted)
    _refuse_leading_out(candidate)
    return candidate if candidate.is_file() else None


def _written_otherwise(recording: Path, wanted: str, names: Sequence[str]) -> list[str]:
    """Names that are read as the wanted one, but for those that are exactly right for another recording."""
    alike = [name for name in names if _kind_of(name) and read_as(name) == read_as(wanted)]
    free = [name for name in alike if (other := f"{_stem_of(name)}{recording.suffix}") == recording.name
            or other not in names]
    return [name for name in free if _composed(name) == _composed(wanted)] or free


def _refuse_leading_out(candidate: Path) -> None:
    if _leads_out(candidate):
        raise BadRecordingError(f"{candidate} is a link that leads out of its folder: put the file itself there")


def _leads_out(path: Path) -> bool:
    return path.is_symlink() and Path(os.path.realpath(path)).parent != Path(os.path.realpath(path.parent))


def _names_in(folder: Path) -> list[str]:
    with reading(folder):
        return sorted(os.listdir(folder))


def _kind_of(name: str) -> str | None:
    """"Final.Marks.csv" → "marks.csv"; None where it is neither."""
    plain = name.casefold()
    return next((kind for kind in KINDS if plain == kind or plain.endswith(f".{kind}")), None)


def _stem_of(name: str) -> str | None:
    """"Final.Marks.csv" → "Final"; None for "marks.csv", which is for all recordings in its folder."""
    kind = _kind_of(name)
    return name[:-len(kind) - 1] if kind and len(name) > len(kind) else None


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def read_as(name: str) -> str:
    """Equal for names that differ in composition and capitals only (Unicode 3.13, canonical caseless match)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
