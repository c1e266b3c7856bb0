"""Coded H.264 pictures with both of their times, as ffmpeg hands them over and takes them back: in FLV.

FLV is the plainest container that tells when a picture is decoded and when it is shown, and that can be read from a
pipe. Source: Adobe Flash Video File Format Specification 10.1, annex E; parameter sets ("avcC"): ISO/IEC 14496-15,
5.3.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from touchline.errors import TouchlineError

FLV_HEADER = b"FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00"
"""A file of pictures only."""
TO_PIPE = {"f": "flv", "flvflags": "no_metadata+no_duration_filesize"}
"""Options of the output of an ffmpeg whose stdout `read_coded` reads."""
_IDR, _SETS, _DELIMITER = 5, (7, 8), 9
"""Types of NAL units: ISO/IEC 14496-10, table 7-1."""
_PICTURE_TAG, _AVC, _KEY, _INTER = 9, 7, 1, 2
_TAG = struct.Struct(">BHBHBBHB")  # type, size (2+1), time (2+1), its highest byte, stream (2+1)
_LONGEST = 1 << 24
_TAG_BYTES = 11


class NotCopyableError(TouchlineError):
    """Coded pictures cannot be copied exactly. The text says why."""


@dataclass(frozen=True)
class Coded:
    """One coded picture, or (`is_sets`) the parameter sets of those that follow it.

    Times are whole milliseconds; `data` is NAL units, each behind its length in four bytes, or an avcC record.
    """

    decoded_ms: int
    shown_ms: int
    data: bytes
    is_sets: bool = False

    def units(self) -> Iterator[bytes]:
        """The NAL units of a picture.

        Raises:
            NotCopyableError: their lengths are not those of the data.
        """
        at = 0
        while at < len(self.data):
            end = at + 4 + int.from_bytes(self.data[at : at + 4], "big")
            if not at + 4 < end <= len(self.data):
                raise NotCopyableError("a coded picture is not made of whole units")
            yield self.data[at + 4 : end]
            at = end

    @property
    def is_idr(self) -> bool:
        """Whether decoding can begin with this picture, and nothing after it needs or precedes what is before it."""
        return any(_kind(unit) == _IDR for unit in self.units())

    @property
    def without_sets(self) -> bytes:
        """The data without parameter sets and delimiters, which belong into the header or have no use in a file."""
        kept = [unit for unit in self.units() if _kind(unit) not in (*_SETS, _DELIMITER)]
        return b"".join(len(unit).to_bytes(4, "big") + unit for unit in kept)


@dataclass(frozen=True)
class ParameterSets:
    """How pictures are coded: an avcC record in its parts."""

    profile: bytes
    sequence: tuple[bytes, ...]
    picture: tuple[bytes, ...]

    @classmethod
    def of(cls, record: bytes) -> ParameterSets:
        """Read an avcC record.

        Raises:
            NotCopyableError: it is not one, or lengths of units have not four bytes.
        """
        try:
            if record[0] != 1 or record[4] & 3 != 3:
                raise NotCopyableError("the parameter sets are not in the usual form")
            sequence, at = _units_at(record, 6, record[5] & 31)
            picture, _ = _units_at(record, at + 1, record[at])
        except IndexError:
            raise NotCopyableError("the parameter sets are not whole") from None
        return cls(record[1:4], sequence, picture)

    @property
    def record(self) -> bytes:
        """The avcC record."""
        parts = [b"\x01", self.profile, b"\xff", bytes([0xE0 | len(self.sequence)])]
        parts += [len(unit).to_bytes(2, "big") + unit for unit in self.sequence]
        parts += [bytes([len(self.picture)])]
        parts += [len(unit).to_bytes(2, "big") + unit for unit in self.picture]
        if self.profile[0] >= 100:
            parts += [b"\xfd\xf8\xf8\x00"]  # 4:2:0, 8 bits
        return b"".join(parts)

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers under which pictures name these sets."""
        return frozenset([*(_first_number(unit[4:]) for unit in self.sequence),
                          *(_first_number(unit[1:]) for unit in self.picture)])

    def holds(self, others: ParameterSets) -> bool:
        """Whether these have all units of the others."""
        return set(others.sequence) <= set(self.sequence) and set(others.picture) <= set(self.picture)

    def fit(self, picture: Coded) -> bool:
        """Whether a picture brings no parameter sets but these."""
        return all(unit in (*self.sequence, *self.picture) for unit in picture.units() if _kind(unit) in _SETS)

    def beside(self, others: ParameterSets) -> ParameterSets:
        """Both, for a file that holds pictures of either; they must not share a number.

        Raises:
            NotCopyableError: they do.
        """
        if self.numbers & others.numbers:
            raise NotCopyableError("two ways of coding have the same number")
        profile = max(self.profile, others.profile)
        level = max(self.profile[2], others.profile[2])
        return ParameterSets(profile[:2] + bytes([level]), self.sequence + others.sequence,
                             self.picture + others.picture)


def read_coded(blocks: Iterable[bytes]) -> Iterator[Coded]:
    """Pictures and parameter sets in the order of decoding, of an FLV that comes in blocks.

    Raises:
        NotCopyableError: what comes is not FLV with H.264.
    """
    held = bytearray()
    need, begun = len(FLV_HEADER), False
    for block in blocks:
        held += block
        while len(held) >= need:
            if not begun:
                if held[:3] != b"FLV":
                    raise NotCopyableError("the coded pictures came in another form")
                del held[:need]
                need, begun = _TAG_BYTES, True
                continue
            size = int.from_bytes(held[1:4], "big")
            need = _TAG_BYTES + size + 4
            if len(held) < need:
                break
            yield from _tag(bytes(held[:need]))
            del held[:need]
            need = _TAG_BYTES


def write_coded(file: IO[bytes], coded: Coded, *, is_key: bool) -> None:
    """Add one picture, or parameter sets; the file must begin with `FLV_HEADER`.

    Raises:
        NotCopyableError: the picture is larger than FLV can hold.
    """
    later = (coded.shown_ms - coded.decoded_ms) & 0xFFFFFF
    head = bytes([(_KEY if is_key else _INTER) << 4 | _AVC, not coded.is_sets]) + later.to_bytes(3, "big")
    size = len(head) + len(coded.data)
    if size >= _LONGEST:
        raise NotCopyableError("a coded picture has 16 MiB or more")
    at = coded.decoded_ms
    tag = _TAG.pack(_PICTURE_TAG, size >> 8, size & 255, at >> 8 & 0xFFFF, at & 255, at >> 24 & 255, 0, 0)
    file.write(b"".join([tag, head, coded.data, (len(tag) + size).to_bytes(4, "big")]))


def _kind(unit: bytes) -> int:
    return unit[0] & 31


def _tag(tag: bytes) -> Iterator[Coded]:
    body = tag[_TAG_BYTES:-4]
    if tag[0] != _PICTURE_TAG:
        return
    if len(body) < 5 or body[0] & 15 != _AVC:
        raise NotCopyableError("the pictures are not H.264")
    at = int.from_bytes(tag[4:7], "big") | tag[7] << 24
    later = int.from_bytes(body[2:5], "big", signed=True)
    if body[1] in (0, 1):
        yield Coded(at, at + later, body[5:], is_sets=body[1] == 0)


def _units_at(record: bytes, at: int, count: int) -> tuple[tuple[bytes, ...], int]:
    units = []
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2], "big")
        unit = record[at + 2 : at + 2 + size]
        if len(unit) < size or size < 2:
            raise IndexError
        units.append(unit)
        at += 2 + size
    return tuple(units), at


def _first_number(data: bytes) -> int:
    """The first number of a unit, an Exp-Golomb code: ISO/IEC 14496-10, 9.1."""
    bits = "".join(f"{byte:08b}" for byte in data[:8])
    zeros = len(bits) - len(bits.lstrip("0"))
    return int(bits[zeros : 2 * zeros + 1] or "0", 2) - 1
