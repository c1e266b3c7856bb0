"""Does a recording say that its media lie in another file or at an address? Such files are refused unread.

ffmpeg is kept from following by the demuxer that is forced on it and by its options. This look at the headers is
there to say so in words: without it such a file would pass for one that is damaged, or whose rest is still to come.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from touchline.errors import BadRecordingError
from touchline.video.boxes import MAX_BOXES, Box, boxes

REFERENCE_BYTES = 1 << 16
AVI_HEADER_BYTES = 1 << 20
DEEPEST = 10
"""ffmpeg's own limit; a data reference lies at depth 6."""
_ON_THE_WAY = frozenset((b"moov", b"trak", b"mdia", b"minf", b"dinf"))
_PLACES = frozenset((b"url ", b"urn ", b"alis", b"rsrc"))
_AVI_TEXT_TRACK = re.compile(rb"strh.{4}txts", re.DOTALL)


def refuse_references(path: Path, demuxer: str) -> None:
    """Look into the headers of a recording.

    Raises:
        BadRecordingError: it takes picture, sound, subtitle or time code from elsewhere.
    """
    look = _LOOKS.get(demuxer)
    with path.open("rb") as handle:
        found = look(handle, path.stat().st_size) if look else None
    if found:
        raise BadRecordingError(f"{path.name} {found}: export it as one whole MP4")


def _in_mp4(handle: BinaryIO, size: int) -> str | None:
    for depth, box in islice(_headers(handle, size), MAX_BOXES):
        if depth > DEEPEST:
            return "nests its boxes deeper than any recording does"
        if box.kind == b"moof":  # fragments: what comes before them describes all tracks
            return None
        if box.kind == b"rmra":
            return "holds no picture but the name of another file, which is never opened"
        if box.kind == b"dref" and _names_a_place(_content(handle, box)):
            return "takes a track from another file or address, which is never opened"
    return None


def _content(handle: BinaryIO, box: Box) -> bytes:
    handle.seek(box.content)
    return handle.read(min(box.end - box.content, REFERENCE_BYTES))


def _headers(handle: BinaryIO, size: int) -> Iterator[tuple[int, Box]]:
    """The boxes on the way to the data references, each with its depth, in the order of the file."""
    rooms = [(size, boxes(handle, 0, size))]
    while rooms:
        end, room = rooms[-1]
        box = next(room, None)
        if box is None:
            rooms.pop()
            continue
        yield len(rooms), box
        if box.kind in _ON_THE_WAY:
            inner_end = min(box.end, end)
            rooms.append((inner_end, boxes(handle, box.content, inner_end)))


def _names_a_place(references: bytes) -> bool:
    """Whether an entry of a data reference box (ISO/IEC 14496-12, 8.7.2) has a location: it is empty in whole files."""
    at = 8
    while at + 12 <= len(references):
        length, kind = struct.unpack_from(">I4s", references, at)
        if kind in _PLACES and references[at + 12 : at + length].strip(b"\0"):
            return True
        at += max(length, 12)
    return False


def _in_avi(handle: BinaryIO, _: int) -> str | None:
    is_text = _AVI_TEXT_TRACK.search(handle.read(AVI_HEADER_BYTES))
    return "holds a text track, a file within the file, which is never opened" if is_text else None


_LOOKS: dict[str, Callable[[BinaryIO, int], str | None]] = {"mov": _in_mp4, "avi": _in_avi}
