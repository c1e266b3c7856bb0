"""What has come of a recording that is still being written? It is cut off as one more chapter, without encoding.

Read is only what came since: it is copied into a file of its own that holds it at the same offsets, behind the head of
the recording and a hole. So no index is needed, which such a file does not have yet, and a NAS reads each byte once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import ffmpeg

from touchline.domain.recording import Recording
from touchline.errors import BadRecordingError, CommandError
from touchline.storage import reading, writing
from touchline.video import ffmpeg_graph as graph
from touchline.video.boxes import boxes
from touchline.video.command import run
from touchline.video.cut import BITEXACT, CUT_TIMEOUT_S
from touchline.video.demuxer import SNIFFED_BYTES, input_argv, input_options, packet_layout, sniff_demuxer
from touchline.video.ending import look_at_end
from touchline.video.log import LOG_LEVEL
from touchline.video.packets import lines_of
from touchline.video.probe import UnreadableRecordingError, probe_recording

MOST_BYTES = 4 << 30
"""Of a recording that was long when it was first seen, so much makes one chapter."""
_LEAD_BYTES = 4 << 20
"""Reading begins this far before a key frame: the tables of a transport stream come again within that, and of the first
pictures in a Matroska file nobody knows when they are decoded."""
_LONGEST_HEAD_BYTES = 16 << 20
_CLUSTER = b"\x1f\x43\xb6\x75"
_VOID = b"\xec\x01"
_BLOCK_BYTES = 1 << 22
_AFTER = 32
"""A key frame counts when so many pictures after it are there: more than any encoder reorders."""
_TICK_US = 1000


@dataclass(frozen=True)
class Place:
    """Where a chapter begins: with the key frame shown at `time_us`, in microseconds of container time.

    It is found by whoever reads from byte `at` on.
    """

    at: int
    time_us: int


@dataclass(frozen=True)
class Cut:
    """What was cut: from the picture shown at `begin_us`, container time, up to where the next chapter begins."""

    begin_us: int
    following: Place


@dataclass(frozen=True)
class _Picture:
    """A coded picture in the order of the file: when it is shown and decoded, in microseconds; its first byte there.

    Of the first few in a Matroska file nobody knows when they are decoded.
    """

    time_us: int
    decoded_us: int | None
    at: int
    is_key: bool


def can_grow(path: Path) -> bool:
    """Whether the beginning of a file is that of a recording that can be read while it is written.

    A transport stream, Matroska, or an MP4 in fragments: one whose index comes last cannot.

    Raises:
        BadRecordingError: it is no video.
    """
    demuxer = sniff_demuxer(path)
    if demuxer not in _HEADS:
        return False
    with path.open("rb") as handle:
        return demuxer == "mpegts" or _HEADS[demuxer](handle) is not None


def may_go_on(path: Path) -> bool:
    """Whether a file can be read while it grows, and nothing in it says that it is whole: its recorder may pause.

    Raises:
        BadRecordingError: it is no video.
    """
    return can_grow(path) and not look_at_end(path, sniff_demuxer(path)).is_marked


def cut_next(source: Path, begin: Place | None, least_s: float, target: Path, part: Path) -> Cut | None:
    """Copy what lies between `begin` (None: the first key frame) and the last key frame to `target` (Matroska).

    Args:
        source: the recording, which may grow meanwhile.
        begin: where the cut before it ended.
        least_s: shorter chapters are not cut.
        target: the chapter.
        part: a file for what is read, which is removed.

    Returns:
        None, and no target, where too little has come.

    Raises:
        BadRecordingError: it cannot be read while it grows.
        StorageError: it cannot be read, or `part` or `target` not be written.
        CommandError: ffmpeg failed.
    """
    demuxer = sniff_demuxer(source)
    if not can_grow(source):
        raise BadRecordingError(f"{source.name} cannot be read while it is written: record as MPEG-TS, Matroska or "
                                "fragmented MP4, or wait until it is complete")
    at = begin.at if begin else 0
    try:
        with writing(part), part.open("w+b") as file:
            shift, end = _copy_part(source, demuxer, at, file)
        try:
            recording = probe_recording(part, "")
        except UnreadableRecordingError:
            return None
        found = _stretch(list(_pictures(recording, shift)), begin.time_us if begin else None, round(least_s * 1e6))
        if found is None:
            return None
        first, following = found
        with writing(target):
            _copy(recording, first.decoded_us if begin else None, following.decoded_us, target)
        with source.open("rb") as handle:
            place = Place(_boundary(handle, demuxer, at, min(following.at, end)), following.time_us)
        return Cut(first.time_us, place)
    finally:
        part.unlink(missing_ok=True)


def _stretch(pictures: list[_Picture], begin_us: int | None,
             least_us: int) -> tuple[_Picture, _Picture] | None:
    """The first picture of a chapter, and the key frame after it.

    Where groups of pictures are open it ends before a closed one, if there is any: nothing is lost there.
    """
    first = next((number for number, one in enumerate(pictures) if one.is_key and
                  (begin_us is None or one.time_us >= begin_us - _TICK_US)), None)
    if first is None:
        return None
    keys = [number for number in range(first + 1, len(pictures) - _AFTER)
            if pictures[number].is_key and pictures[number].decoded_us is not None
            and pictures[number].time_us - pictures[first].time_us >= least_us]
    closed = [number for number in keys
              if all(one.time_us > pictures[number].time_us for one in pictures[number + 1 : number + _AFTER])]
    if not keys:
        return None
    last = (closed or keys)[-1]
    return pictures[first], pictures[last]


def _pictures(recording: Recording, shift: int) -> Iterator[_Picture]:
    argv = ["ffprobe", "-v", LOG_LEVEL, "-select_streams", str(recording.video.index)]
    argv += ["-show_entries", "packet=pts_time,dts_time,pos,flags", "-of", "compact=p=0:nk=1"]
    try:
        for line in lines_of([*argv, *input_argv(recording.path, recording.demuxer)]):
            fields = line.split("|")
            shown_us, decoded_us = map(_microseconds, fields[:2]) if len(fields) >= 4 else (None, None)
            if shown_us is not None and fields[2].isdigit():
                yield _Picture(shown_us, decoded_us, int(fields[2]) + shift, "K" in fields[3])
    except CommandError as error:
        if error.kernel_errno is not None:
            raise
        # The end of what is there is damaged as long as the rest of it has not come.


def _microseconds(text: str) -> int | None:
    """From ffprobe's "1.523000" to 1523000; None of "N/A"."""
    digits = text.replace(".", "", 1)
    return int(digits) if digits.lstrip("-").isdigit() and text[-7:-6] == "." else None


def _copy(recording: Recording, begin_us: int | None, end_us: int | None, target: Path) -> None:
    """The pictures that are decoded in this time, of which the first is a key frame, and the sound beside them."""
    source = ffmpeg.input(**input_options(recording.path, recording.demuxer))
    tracks = [source[str(recording.video.index)], *([source[str(recording.audio.index)]] if recording.audio else [])]
    options: dict[str, Any] = {"c": "copy", "f": "matroska", **BITEXACT}
    options |= {name: f"{time_us - _TICK_US}us" for name, time_us in (("ss", begin_us), ("to", end_us))
                if time_us is not None}
    run(graph.ffmpeg_argv(ffmpeg.output(*tracks, f"file:{target}", **options)), timeout_s=CUT_TIMEOUT_S)


# --- what of the file is read ----------------------------------------------------------------------------------------


def _copy_part(source: Path, demuxer: str, at: int, part: BinaryIO) -> tuple[int, int]:
    """Write head, hole and what follows from `at` on; returns what to add to an offset there, and the last byte."""
    with reading(source), source.open("rb") as handle:
        end = min(handle.seek(0, 2), at + MOST_BYTES)
        shift = 0
        if demuxer == "mpegts":
            shift = at
        elif at:
            head = _HEADS[demuxer](handle) or 0
            handle.seek(0)
            part.write(handle.read(head))
            part.write(_FILLERS[demuxer](at - head))
            part.seek(at)
        handle.seek(at)
        while block := handle.read(min(_BLOCK_BYTES, end - handle.tell())):
            part.write(block)
    return shift, end


def _matroska_head(handle: BinaryIO) -> int | None:
    """Up to its first cluster."""
    handle.seek(0)
    found = handle.read(_LONGEST_HEAD_BYTES).find(_CLUSTER)
    return found if found > 0 else None


def _mp4_head(handle: BinaryIO) -> int | None:
    """Up to its first fragment, if the index is before that and there are fragments."""
    has_index = False
    for box in boxes(handle, 0, handle.seek(0, 2)):
        if box.kind == b"moof":
            return box.start if has_index else None
        has_index = has_index or box.kind == b"moov"
    return None


_HEADS = {"mpegts": lambda _: 0, "matroska": _matroska_head, "mov": _mp4_head}
"""The bytes before the first picture, with which each part has to begin; None where there are none yet."""
_FILLERS = {
    "matroska": lambda length: _VOID + (length - 9).to_bytes(7, "big"),  # RFC 8794, 11.3.2
    "mov": lambda length: struct.pack(">I4sQ", 1, b"free", length),  # ISO/IEC 14496-12, 8.1.2
}
"""The beginning of an element of this length in bytes that readers skip."""


def _boundary(handle: BinaryIO, demuxer: str, at: int, picture: int) -> int:
    """From which byte on one has to read so that the picture at this byte is found; not before `at`."""
    if demuxer == "mpegts":
        handle.seek(0)
        first, packet = packet_layout(handle.read(SNIFFED_BYTES)) or (0, 188)
        return max(at, first + max(0, picture - _LEAD_BYTES - first) // packet * packet)
    if demuxer == "mov":
        return max((box.start for box in boxes(handle, at, picture) if box.kind == b"moof"), default=at)
    start = max(at, picture - _LONGEST_HEAD_BYTES)
    handle.seek(start)
    found = handle.read(max(0, picture - _LEAD_BYTES - start)).rfind(_CLUSTER)
    return start + found if found >= 0 else at
