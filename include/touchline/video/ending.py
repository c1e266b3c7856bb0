"""Does the file end where its container says it ends? Read from the headers, without decoding.

A file that is being copied may have its final size from the start, with zeros where the rest will be (SMB clients
reserve the space). A recorder that was stopped, or crashed, leaves a file without the mark that ends a whole one; some
formats (transport stream, FLV) never have one.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from touchline.errors import BadRecordingError
from touchline.video.boxes import Box, boxes
from touchline.video.demuxer import SNIFFED_BYTES, packet_layout

TAIL_BYTES = 4096
LONGEST_SILENCE_BYTES = 64 << 20
"""Sound between two pictures is never as long as this; zeros that are, are missing data."""
HOLE_BYTES = 4 << 20
_FILLERS = (b"free", b"skip", b"JUNK", b"\xec")
"""Names of the elements of MP4, AVI and Matroska that hold nothing; the last one is a byte."""
_FILLER_BYTES = 9
"""Longer is no such name with its length."""
MAX_CHUNKS = 10_000
"""An AVI has one RIFF chunk per 1 or 2 GiB."""
_EBML_HEAD = b"\x1a\x45\xdf\xa3"
_EBML_UNKNOWN_SIZES = frozenset((1 << (7 * length)) - 1 for length in range(1, 9))
_SEGMENT_ID = b"\x18\x53\x80\x67"
_MATROSKA_HEAD_BYTES = 4096
_MEDIA = frozenset((b"mdat", b"moof"))
_TOP_BOXES = _MEDIA | frozenset(
    b"ftyp moov free skip wide pnot styp sidx ssix uuid udta meta mfra prft emsg pdin".split()
)
_NEVER_CLOSED = (0, 0xFFFFFFFF)
"""The length of an AVI's RIFF chunk until its recorder closes it."""


@dataclass(frozen=True)
class Ending:
    """What a container says of the end of its file.

    `missing` says in words why the file cannot be whole. `is_marked`: a whole file of this kind says where it ends, so
    that nothing but the rest of it helps; without a mark, what is there may be all that was recorded. `zeros_at` is
    the byte from which nothing but zeros follows to the end of the media, where that is more than a sector.
    """

    missing: str | None = None
    is_marked: bool = True
    zeros_at: int | None = None


def look_at_end(path: Path, demuxer: str) -> Ending:
    """Read the headers of a file.

    Raises:
        BadRecordingError: something else follows where its index should be, or two recordings were joined byte by byte.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        return _CHECKS[demuxer](handle, size)


def hole_at(path: Path) -> int | None:
    """The byte from which at least HOLE_BYTES of zeros follow within a file; None where there is no such place.

    No codec writes that many, silent sound is cut up by the pictures beside it, and what a recorder reserved says so.
    But the pieces of a copy may not arrive in order. A small block is read every half hole.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        for at in range(0, size - HOLE_BYTES, HOLE_BYTES // 2):
            if _is_zero(handle, at, at + TAIL_BYTES):
                start = _zeros_at(handle, at + TAIL_BYTES) or 0
                before = _read(handle, max(0, start - _FILLER_BYTES), min(start, _FILLER_BYTES))
                if _is_zero(handle, at, start + HOLE_BYTES) and not any(name in before for name in _FILLERS):
                    return start
    return None


def _mp4(handle: BinaryIO, size: int) -> Ending:
    found = _top_boxes(handle, size)
    kinds = Counter(box.kind for box in found)
    last = found[-1] if found else None
    is_marked = not kinds[b"moof"]  # fragments follow each other until the recorder is stopped
    if last is None:
        return Ending("its first box is not whole")
    if last.end > size:
        ends = f"its {last.kind.decode('ascii', 'replace')} box ends at byte {last.end}, the file at byte {size}"
        return Ending(ends, is_marked)
    if not kinds[b"moov"]:
        if not last.kind and not _is_zero(handle, last.start, min(size, last.start + 8)):
            name = Path(handle.name).name
            raise BadRecordingError(f"{name} is not MP4 from byte {last.start} on: export it again as MP4")
        return Ending("its index (moov) is not there yet")
    media = next((box for box in reversed(found) if box.kind in _MEDIA), None)
    if media is None:
        return Ending("its media data (mdat) are not there yet")
    if kinds[b"moov"] > 1 and kinds[b"ftyp"] > 1:
        raise _joined(handle, [box.start for box in found if box.kind == b"ftyp"][1])
    is_followed = any(box.kind == b"moov" and box.start > media.start for box in found)
    return Ending(is_marked=is_marked, zeros_at=None if is_followed else _zeros_at(handle, media.end))


def _top_boxes(handle: BinaryIO, size: int) -> list[Box]:
    """The boxes of a file; what follows a whole one and is not a box (an app's or a web page's text) is left out."""
    found: list[Box] = []
    kinds: set[bytes] = set()
    for box in boxes(handle, 0, size):
        is_box = box.kind in _TOP_BOXES or (box.kind and box.end <= size)
        if not is_box and b"moov" in kinds and kinds & _MEDIA:
            break
        found.append(box)
        kinds.add(box.kind)
    return found


def _matroska(handle: BinaryIO, size: int) -> Ending:
    head = handle.read(_MATROSKA_HEAD_BYTES)
    at = head.find(_SEGMENT_ID)
    if at < 0:
        return Ending("its segment is not there yet")
    length, value = _ebml_number(head[at + 4 : at + 12])
    if value in _EBML_UNKNOWN_SIZES:
        return Ending(is_marked=False, zeros_at=_zeros_at(handle, size))
    end = at + 4 + length + value
    if end > size:
        return Ending(f"its segment ends at byte {end}, the file at byte {size}")
    if _read(handle, end, len(_EBML_HEAD)) == _EBML_HEAD:
        raise _joined(handle, end)
    return Ending(zeros_at=_zeros_at(handle, end))


def _transport_stream(handle: BinaryIO, size: int) -> Ending:
    layout = packet_layout(handle.read(SNIFFED_BYTES))
    if layout is None:
        return Ending("its packets are not there yet")
    first, packet = layout
    # A camera's 192-byte packet begins with four bytes of time code, before the sync byte.
    lead = first % packet if packet == 192 else 0
    whole, rest = divmod(size - first + lead, packet)
    zeros_at = _zeros_at(handle, size)
    if zeros_at is None and rest:
        return Ending("it ends in the middle of a packet", is_marked=False)
    if zeros_at is None and _read(handle, first + (whole - 1) * packet, 1) != b"G":
        return Ending("its last packet is not there yet", is_marked=False)
    return Ending(is_marked=False, zeros_at=zeros_at)


def _avi(handle: BinaryIO, size: int) -> Ending:
    start = 0
    for number in range(MAX_CHUNKS):
        head = _read(handle, start, 12)
        if len(head) < 12 or head[:4] != b"RIFF":
            break
        if number and head[8:] == b"AVI ":
            raise _joined(handle, start)
        length = struct.unpack("<I", head[4:8])[0]
        if length in _NEVER_CLOSED:
            return Ending(is_marked=False, zeros_at=_zeros_at(handle, size))
        end = start + 8 + length + length % 2
        if end > size + 1:
            return Ending(f"its RIFF chunk ends at byte {end}, the file at byte {size}")
        start = end
    return Ending(zeros_at=_zeros_at(handle, size))


def _unmarked(handle: BinaryIO, size: int) -> Ending:
    return Ending(is_marked=False, zeros_at=_zeros_at(handle, size))


def _joined(handle: BinaryIO, at: int) -> BadRecordingError:
    name = Path(handle.name).name
    return BadRecordingError(
        f"{name} is two recordings joined byte by byte, the second begins at byte {at}: copy each as a file of its own"
    )


def _zeros_at(handle: BinaryIO, end: int) -> int | None:
    """Where the zeros before `end` begin; None when they fill no sector."""
    at = end
    while at > 0 and end - at < LONGEST_SILENCE_BYTES:
        start = max(0, at - (1 << 16))
        rest = _read(handle, start, at - start).rstrip(b"\0")
        at = start + len(rest)
        if rest:
            break
    return at if end - at >= TAIL_BYTES else None


def _is_zero(handle: BinaryIO, start: int, end: int) -> bool:
    return not _read(handle, start, end - start).strip(b"\0")


def _read(handle: BinaryIO, start: int, count: int) -> bytes:
    handle.seek(start)
    return handle.read(count)


def _ebml_number(data: bytes) -> tuple[int, int]:
    """Length in bytes and value of a variable-size integer (RFC 8794, 4): the leading zeros tell the length."""
    length = 9 - data[0].bit_length() if data and data[0] else 8
    return length, int.from_bytes(data[:length], "big") & ((1 << (7 * length)) - 1)


_CHECKS: dict[str, Callable[[BinaryIO, int], Ending]] = {
    "mov": _mp4,
    "matroska": _matroska,
    "mpegts": _transport_stream,
    "avi": _avi,
    "flv": _unmarked,
    "mpeg": _unmarked,
}
