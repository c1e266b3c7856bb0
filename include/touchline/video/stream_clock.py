"""Does the clock of a transport or programme stream go back in mid-file? Looked up at places spread over it.

Recorders that are restarted, and people who join files with `cat`, leave two recordings in one file. ffprobe finds one
of their lengths and says nothing. The scan sees every packet and has the last word; this look costs a few reads, and
comes before anything is measured against a wrong length. ISO/IEC 13818-1: 2.4.3.4 (PCR), 2.5.3.3 (SCR).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from statistics import median_low
from typing import BinaryIO

from touchline.video.clock import LONGEST_SKIP_MS, two_recordings
from touchline.video.demuxer import SNIFFED_BYTES, packet_layout

PLACES = 64
READ_BYTES = 1 << 18
CLOCKS = 5
"""The median of this many is the clock of a place: one may be damaged."""
TICKS_PER_MS = 90
_ROUND = 1 << 33
_PACK = b"\x00\x00\x01\xba"
_Clocks = Callable[[bytes], Iterator[int]]


def refuse_joined_streams(path: Path, demuxer: str) -> None:
    """Look at the clock at places spread over the file.

    Raises:
        BadRecordingError: it goes back by more than `LONGEST_SKIP_MS`.
    """
    if demuxer not in ("mpegts", "mpeg"):
        return
    size = path.stat().st_size
    with path.open("rb") as handle:
        read = _clocks_of(handle.read(SNIFFED_BYTES), demuxer)
        places = sorted({size * number // PLACES for number in range(PLACES)})
        found = [(place, clock) for place in places if (clock := _clock_at(handle, place, read)) is not None]
        for (place, clock), (next_place, next_clock) in pairwise(found):
            if _goes_back(clock, next_clock):
                before, after = _narrowed(handle, read, (place, clock), (next_place, next_clock))
                first = found[0][1]
                raise two_recordings(path.name, _ms(before - first), _ms(after - first))


def _narrowed(handle: BinaryIO, read: _Clocks, before: tuple[int, int], after: tuple[int, int]) -> tuple[int, int]:
    """The clocks next to the place where it goes back."""
    while after[0] - before[0] > READ_BYTES // 4:
        middle = (before[0] + after[0]) // 2
        clock = _clock_at(handle, middle, read)
        if clock is None:
            break
        if _goes_back(before[1], clock):
            after = middle, clock
        else:
            before = middle, clock
    return before[1], after[1]


def _goes_back(before: int, after: int) -> bool:
    """Also right where the clock's 33 bits begin again."""
    back = (before - after) % _ROUND
    return LONGEST_SKIP_MS * TICKS_PER_MS < back < _ROUND // 2


def _clock_at(handle: BinaryIO, place: int, read: _Clocks) -> int | None:
    handle.seek(place)
    clocks = list(islice(read(handle.read(READ_BYTES)), CLOCKS))
    return median_low(clocks) if clocks else None


def _clocks_of(head: bytes, demuxer: str) -> _Clocks:
    if demuxer == "mpeg":
        return _system_clocks
    layout = packet_layout(head)
    packet = layout[1] if layout else 188
    return lambda data: _program_clocks(data, packet)


def _program_clocks(data: bytes, packet: int) -> Iterator[int]:
    """PCRs of the first stream that carries one, in 1/90000 s."""
    layout = packet_layout(data[:SNIFFED_BYTES])
    at, clock_pid = layout[0] if layout else len(data), None
    while at + 12 <= len(data):
        pid = int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF
        has_field, field_bytes, flags = data[at + 3] & 0x20, data[at + 4], data[at + 5]
        if data[at] == 0x47 and has_field and field_bytes >= 7 and flags & 0x10 and clock_pid in (None, pid):
            clock_pid = pid
            yield int.from_bytes(data[at + 6 : at + 11], "big") >> 7
        at += packet


def _system_clocks(data: bytes) -> Iterator[int]:
    """SCRs of the packs, in 1/90000 s."""
    at = data.find(_PACK)
    while 0 <= at <= len(data) - 10:
        bits = int.from_bytes(data[at + 4 : at + 9], "big")
        if bits >> 38 == 1:  # MPEG-2: 01 and 3, 15, 15 bits, each followed by a 1
            yield (bits >> 35 & 7) << 30 | (bits >> 19 & 0x7FFF) << 15 | bits >> 3 & 0x7FFF
        elif bits >> 36 == 2:  # MPEG-1: 0010
            yield (bits >> 33 & 7) << 30 | (bits >> 17 & 0x7FFF) << 15 | bits >> 1 & 0x7FFF
        at = data.find(_PACK, at + 4)


def _ms(ticks: int) -> int:
    """The shorter way round the clock."""
    ticks %= _ROUND
    return (ticks - _ROUND if ticks > _ROUND // 2 else ticks) // TICKS_PER_MS
