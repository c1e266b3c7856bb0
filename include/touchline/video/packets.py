"""How large is each coded frame? Read without decoding, at the speed of the disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from touchline.domain.recording import Recording
from touchline.video.command import stream
from touchline.video.demuxer import input_argv

_BLOCK_BYTES = 1 << 15


@dataclass(frozen=True)
class Packet:
    """One coded frame: presentation time, size, and whether decoding can begin with it."""

    recording_ms: int
    size_bytes: int
    is_key: bool


def video_packets(recording: Recording) -> Iterator[Packet]:
    """Yield the packets of the picture in the order of the file, which is nearly that of time.

    Packets that an edit list hides are left out. A packet without any time takes that of the one before it.

    Raises:
        CommandError: ffprobe failed.
    """
    rest, last_ms = b"", 0
    for block in stream(packets_argv(recording), block_bytes=_BLOCK_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            packet = _parse(line, recording.video.start_s, last_ms)
            if packet is not None:
                last_ms = packet.recording_ms
                yield packet


def packets_argv(recording: Recording) -> list[str]:
    """One line per packet: "1.523|1.481|5341|K_" (pts, dts, size, flags)."""
    argv = ["ffprobe", "-v", "error", "-select_streams", str(recording.video.index)]
    argv += ["-show_entries", "packet=pts_time,dts_time,size,flags", "-of", "compact=p=0:nk=1"]
    return [*argv, *input_argv(recording.path, recording.demuxer)]


def _parse(line: bytes, start_s: Fraction, last_ms: int) -> Packet | None:
    fields = line.decode().strip().split("|")
    if len(fields) < 4 or "D" in fields[3]:
        return None
    pts, dts, size, flags = fields[:4]
    time = pts if pts != "N/A" else dts
    recording_ms = last_ms if time == "N/A" else round((float(time) - float(start_s)) * 1000)
    return Packet(recording_ms, int(size), "K" in flags)
