"""Which demuxer may read this file? Decided by its first bytes, from a short list, before ffmpeg sees it.

Left to itself ffmpeg guesses, and takes a text file for a playlist that opens other files. Playlists (hls, concat,
dash, sdp) and picture lists are never on the list.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from touchline.errors import BadRecordingError
from touchline.video.foreign import describe, is_text
from touchline.video.references import refuse_references

SNIFFED_BYTES = 1024
MAX_STREAMS = 64
"""ffmpeg tries to understand each before anything else: 300 take half a minute, its own limit of 1000 minutes."""
LONGEST_SIGNATURE = 12
PACKET_BYTES = (188, 192, 204)
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof", b"styp", b"sidx", b"uuid")
_ONLY_ITSELF: dict[str, dict[str, int]] = {"mov": {"enable_drefs": 0, "use_absolute_path": 0}}
"""Options by which a demuxer opens no second file; ffmpeg's defaults, stated again because much depends on them."""


def sniff_demuxer(path: Path) -> str:
    """Return ffmpeg's name of the demuxer that the first bytes of the file call for.

    Raises:
        BadRecordingError: the bytes are of no format that touchline reads, the file cannot be found, or it takes its
            media from elsewhere.
    """
    head = read_head(path)
    for demuxer, matches in SNIFFERS.items():
        if matches(head):
            refuse_references(path, demuxer)
            return demuxer
    raise BadRecordingError(f"{path.name} {describe(head)}")


def read_head(path: Path) -> bytes:
    """The first bytes of a file, as many as `sniff_demuxer` looks at."""
    refuse_special(path)
    try:
        with path.open("rb") as handle:
            return handle.read(SNIFFED_BYTES)
    except FileNotFoundError:
        raise BadRecordingError(f"{path} is not there: check the name and the mount") from None
    except IsADirectoryError:
        raise BadRecordingError(f"{path} is a folder: name the recording itself") from None


def refuse_special(path: Path) -> None:
    """Look at what a path is, without opening it.

    Raises:
        BadRecordingError: a pipe or device, which might never end; or a name that our files cannot hold.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise BadRecordingError(f"{str(path)!r} is not a UTF-8 name: rename the recording") from None
    if path.exists() and not path.is_file() and not path.is_dir():
        raise BadRecordingError(f"{path} is not a plain file: name the recording itself")


def packet_layout(head: bytes) -> tuple[int, int] | None:
    """Return (offset of the first sync byte, packet size) of a transport stream, or None.

    Packets of 188 bytes, or 192 with a time code before each (cameras' .mts), or 204 with checksums.
    """
    for size in PACKET_BYTES:
        for offset in range(size):
            syncs = head[offset::size]
            if len(syncs) >= 4 and syncs[:4] == b"GGGG":
                return offset, size
    return None


def _is_mp4(head: bytes) -> bool:
    return len(head) >= 8 and head[4:8] in _MP4_BOXES


def _is_transport_stream(head: bytes) -> bool:
    # A longer run of sync bytes would be safer, but 1024 bytes hold four packets of each size.
    return packet_layout(head) is not None


SNIFFERS: dict[str, Callable[[bytes], bool]] = {
    "mov": _is_mp4,
    "matroska": lambda head: head.startswith(b"\x1a\x45\xdf\xa3"),
    "flv": lambda head: head.startswith(b"FLV\x01"),
    "avi": lambda head: head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX"),
    "mpeg": lambda head: head.startswith(b"\x00\x00\x01\xba"),
    "mpegts": _is_transport_stream,
}
"""The allow-list: demuxer → whether the first bytes are its own. The order matters only for speed."""


def input_options(
    path: str | Path, demuxer: str, *, threads: int | None = None, start_us: int | None = None
) -> dict[str, Any]:
    """Options before `-i` for a recording, as ffmpeg-python takes them (None: a switch without a value).

    `start_us` is container time in microseconds; reading begins at a key frame at or before it, or (transport
    streams) at a packet near it. Only files can be opened, and only by this demuxer.
    """
    if demuxer not in SNIFFERS:
        raise ValueError(f"{demuxer!r} is not an allowed demuxer")
    options: dict[str, Any] = {"filename": f"file:{path}", "f": demuxer, "protocol_whitelist": "file"}
    options["max_streams"] = MAX_STREAMS
    options |= _ONLY_ITSELF.get(demuxer, {})
    if threads is not None:
        options["threads"] = threads
    if start_us is not None:
        options |= {"seek_timestamp": 1, "noaccurate_seek": None, "ss": f"{start_us}us"}
    return options


def input_argv(path: str | Path, demuxer: str) -> list[str]:
    """The same as arguments, for ffprobe: ["-f", "mpegts", "-protocol_whitelist", "file", …, "-i", "file:/a.ts"]."""
    options = input_options(path, demuxer)
    filename = options.pop("filename")
    return [*(text for name, value in options.items() for text in (f"-{name}", str(value))), "-i", filename]


def is_begun(head: bytes) -> bool:
    """Whether these may be the first few bytes of a recording whose format shows only when more of it is there."""
    may_be_packets = b"G" in (head[:1], head[4:5])
    return len(head) < SNIFFED_BYTES and not is_text(head) and (len(head) < LONGEST_SIGNATURE or may_be_packets)

