"""Does the file end where its container says it ends? Read from the headers, without decoding.

Each function returns why the file is not complete, or None. A file that is being copied may have its final size from
the start, with zeros where the rest will be (SMB clients reserve the space).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from touchline.errors import BadRecordingError
from touchline.video.boxes import boxes
from touchline.video.demuxer import SNIFFED_BYTES, packet_layout

TAIL_BYTES = 4096
_EBML_UNKNOWN_SIZES = frozenset((1 << (7 * length)) - 1 for length in range(1, 9))
_SEGMENT_ID = b"\x18\x53\x80\x67"
_MATROSKA_HEAD_BYTES = 4096


def missing_part(path: Path, demuxer: str) -> str | None:
    """Why the file cannot be complete, in words; None when nothing speaks against it.

    Raises:
        BadRecordingError: something else follows where its index should be: no rest will make it whole.
    """
    size = path.stat().st_size
    check = _CHECKS.get(demuxer)
    with path.open("rb") as handle:
        return check(handle, size) if check else None


def _mp4(handle: BinaryIO, size: int) -> str | None:
    found = list(boxes(handle, 0, size))
    kinds = {box.kind for box in found}
    last = found[-1] if found else None
    if last is None:
        return "its first box is not whole"
    if last.end > size:
        return f"its {last.kind.decode('ascii', 'replace')} box ends at byte {last.end}, the file at byte {size}"
    if b"moov" not in kinds:
        if not last.kind and not _is_zero(handle, last.start, min(size, last.start + 8)):
            name = Path(handle.name).name
            raise BadRecordingError(f"{name} is no MP4 from byte {last.start} on: export it again as MP4")
        return "its index (moov) is not there yet"
    if not kinds & {b"mdat", b"moof"}:
        return "its media data (mdat) are not there yet"
    media_end = max(box.end for box in found if box.kind in (b"mdat", b"moof"))
    if _is_zero(handle, max(0, media_end - TAIL_BYTES), media_end):
        return "its last bytes are zeros, as in a file that is still being copied"
    return None


def _matroska(handle: BinaryIO, size: int) -> str | None:
    head = handle.read(_MATROSKA_HEAD_BYTES)
    at = head.find(_SEGMENT_ID)
    if at < 0:
        return "its segment is not there yet"
    length, value = _ebml_number(head[at + 4 : at + 12])
    end = at + 4 + length + value
    if value not in _EBML_UNKNOWN_SIZES and end > size:
        return f"its segment ends at byte {end}, the file at byte {size}"
    return _zero_tail(handle, size)


def _transport_stream(handle: BinaryIO, size: int) -> str | None:
    layout = packet_layout(handle.read(SNIFFED_BYTES))
    if layout is None:
        return "its packets are not there yet"
    first, packet = layout
    # A camera's 192-byte packet begins with four bytes of time code, before the sync byte.
    lead = first % packet if packet == 192 else 0
    whole, rest = divmod(size - first + lead, packet)
    if rest:
        return "it ends in the middle of a packet"
    handle.seek(first + (whole - 1) * packet)
    return None if handle.read(1) == b"G" else "its last packet is not there yet"


def _avi(handle: BinaryIO, size: int) -> str | None:
    start = 0
    while start + 12 <= size:
        handle.seek(start)
        kind, length = struct.unpack("<4sI", handle.read(8))
        if kind != b"RIFF":
            break
        end = start + 8 + length + length % 2
        if end > size + 1:
            return f"its RIFF chunk ends at byte {end}, the file at byte {size}"
        start = end
    return _zero_tail(handle, size)


def _zero_tail(handle: BinaryIO, size: int) -> str | None:
    if _is_zero(handle, max(0, size - TAIL_BYTES), size):
        return "its last bytes are zeros, as in a file that is still being copied"
    return None


def _is_zero(handle: BinaryIO, start: int, end: int) -> bool:
    handle.seek(start)
    return not handle.read(end - start).strip(b"\0")


def _ebml_number(data: bytes) -> tuple[int, int]:
    """Length in bytes and value of a variable-size integer (RFC 8794, 4): the leading zeros tell the length."""
    length = 9 - data[0].bit_length() if data and data[0] else 8
    return length, int.from_bytes(data[:length], "big") & ((1 << (7 * length)) - 1)


_CHECKS: dict[str, Callable[[BinaryIO, int], str | None]] = {
    "mov": _mp4,
    "matroska": _matroska,
    "mpegts": _transport_stream,
    "avi": _avi,
    "flv": _zero_tail,
    "mpeg": _zero_tail,
}
