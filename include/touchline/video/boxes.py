"""Of which boxes does an MP4 file consist? ISO/IEC 14496-12, 4.2; read from their headers, without the content."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_BOXES = 100_000


@dataclass(frozen=True)
class Box:
    """One box: offsets in bytes; its content begins at `content`, the next box at `end`. No kind: it is not a box."""

    kind: bytes
    start: int
    content: int
    end: int


def boxes(handle: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Walk the boxes between two offsets; stops after the first that leaves this room or is not a box.

    A size of 1 means that 64 bits follow, 0 that the box goes to the end of the room.
    """
    at = start
    for _ in range(MAX_BOXES):
        handle.seek(at)
        head = handle.read(min(16, max(0, end - at)))
        if len(head) < 8:
            return
        content = at + 8
        length, kind = struct.unpack(">I4s", head[:8])
        if length == 1 and len(head) == 16:
            length, content = struct.unpack(">Q", head[8:])[0], at + 16
        elif length == 0:
            length = end - at
        if length < content - at or not _is_box_name(kind):
            yield Box(b"", at, at, end)
            return
        yield Box(kind, at, content, at + length)
        at += length
        if at >= end:
            return


def _is_box_name(kind: bytes) -> bool:
    return all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind)
