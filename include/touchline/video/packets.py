"""How large is each coded frame, and when is it shown? Read without decoding, at the speed of the disk."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from touchline.domain.recording import Recording
from touchline.errors import BadRecordingError
from touchline.video.command import stream
from touchline.video.demuxer import input_argv
from touchline.video.log import LOG_LEVEL

MAX_PACKETS = 10_000_000
"""46 hours at 60 frames per second; a file with more was made to fill the memory (17 bytes each)."""
_BLOCK_BYTES = 1 << 15


@dataclass(frozen=True)
class Packets:
    """The coded frames of a picture in the order of the file, which is nearly that of time; one entry each.

    `times_ms` are recording times (int64), `sizes_bytes` int64, `keys` whether decoding can begin with it.
    """

    times_ms: NDArray[np.int64]
    sizes_bytes: NDArray[np.int64]
    keys: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times_ms)

    def until(self, end_ms: int) -> Packets:
        """Those that are shown before a recording time."""
        kept = self.times_ms < end_ms
        return Packets(self.times_ms[kept], self.sizes_bytes[kept], self.keys[kept])


@dataclass(frozen=True)
class Extent:
    """Where a packet lies in its file: bytes from `start` up to `end`."""

    start: int
    end: int


def video_packets(recording: Recording) -> Packets:
    """Read the packets of the picture.

    Packets that an edit list hides are left out. A packet without any time takes that of the one before it.

    Raises:
        BadRecordingError: there are more than `MAX_PACKETS`.
        CommandError: ffprobe failed.
    """
    times, sizes, keys = array("q"), array("q"), array("b")
    last_ms = 0
    for line in lines_of(packets_argv(recording)):
        fields = line.split("|")
        if len(fields) < 4 or "D" in fields[3]:
            continue
        last_ms = _recording_ms(fields, recording.video.start_s, last_ms)
        times.append(last_ms)
        sizes.append(int(fields[2]))
        keys.append("K" in fields[3])
        if len(times) > MAX_PACKETS:
            raise BadRecordingError(f"{recording.path} holds more than {MAX_PACKETS} pictures: cut it into matches")
    return Packets(np.array(times, np.int64), np.array(sizes, np.int64), np.array(keys, np.bool_))


def sound_packets(recording: Recording, from_ms: int) -> Iterator[Extent]:
    """Where the packets of all sound tracks lie that come after a recording time, and a few before it.

    Raises:
        CommandError: ffprobe failed.
    """
    start_s = float(recording.video.start_s) + from_ms / 1000
    argv = ["ffprobe", "-v", LOG_LEVEL, "-select_streams", "a", "-read_intervals", f"{start_s}%"]
    argv += ["-show_entries", "packet=size,pos", "-of", "compact=p=0:nk=1"]
    for line in lines_of([*argv, *input_argv(recording.path, recording.demuxer)]):
        fields = line.split("|")
        if len(fields) >= 2 and fields[0].isdigit() and fields[1].isdigit():
            yield Extent(int(fields[1]), int(fields[1]) + int(fields[0]))


def packets_argv(recording: Recording) -> list[str]:
    """One line per packet: "1.523|1.481|5341|K_" (pts, dts, size, flags)."""
    argv = ["ffprobe", "-v", LOG_LEVEL, "-select_streams", str(recording.video.index)]
    argv += ["-show_entries", "packet=pts_time,dts_time,size,flags", "-of", "compact=p=0:nk=1"]
    return [*argv, *input_argv(recording.path, recording.demuxer)]


def lines_of(argv: list[str]) -> Iterator[str]:
    """What ffprobe prints, line by line; memory stays flat. Closing the generator ends ffprobe.

    Raises:
        CommandError: ffprobe failed.
    """
    rest = b""
    for block in stream(argv, block_bytes=_BLOCK_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line.decode().strip()


def _recording_ms(fields: list[str], start_s: Fraction, last_ms: int) -> int:
    pts, dts = fields[:2]
    time = pts if pts != "N/A" else dts
    return last_ms if time == "N/A" else round((float(time) - float(start_s)) * 1000)
