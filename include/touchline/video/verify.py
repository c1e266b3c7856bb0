"""Is a finished video whole? Decoded from its first to its last frame, with every frame counted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from touchline.errors import CommandError, TouchlineError
from touchline.video.command import stream
from touchline.video.demuxer import input_argv, sniff_demuxer
from touchline.video.log import LOG_LEVEL

TOLERANCE_MS = 50
_BLOCK_BYTES = 1 << 15
_UNSEEN = ("-skip_loop_filter", "all")
"""Nobody looks at the pictures, so they are not smoothed: an eighth of the time, and damage shows all the same."""
_CORNER = "crop=min(iw\\,16):min(ih\\,16)"
"""Checksums of whole pictures, which nobody compares, would cost another eighth."""


@dataclass(frozen=True)
class Contents:
    """What decoding gave: number of frames, length of the picture, length of the sound (0 without)."""

    frames: int
    picture_ms: Fraction
    sound_ms: Fraction


def verify_video(path: Path, frames: int, duration_ms: int) -> None:
    """Decode all of a video of ours and compare.

    Raises:
        TouchlineError: a message of the decoder, another number of frames, or picture or sound whose length is more
            than 50 ms away from `duration_ms`.
    """
    try:
        found = decode_all(path)
    except CommandError as error:
        if error.kernel_errno is not None:
            raise
        raise TouchlineError(f"{path.name} is damaged ({error.last_lines})") from None
    if found.frames != frames:
        raise TouchlineError(f"{path.name} has {found.frames} frames instead of {frames}")
    for length_ms, what in ((found.picture_ms, "picture"), (found.sound_ms, "sound")):
        if abs(length_ms - duration_ms) > TOLERANCE_MS:
            wrong = f"{float(length_ms):.0f} ms of {what}"
            raise TouchlineError(f"{path.name} has {wrong} instead of {duration_ms}")


def decode_all(path: Path) -> Contents:
    """Decode every frame and sample.

    Raises:
        CommandError: ffmpeg failed or wrote any message.
    """
    argv = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", LOG_LEVEL, *_UNSEEN]
    argv += [*input_argv(path, sniff_demuxer(path)), "-map", "0:v:0", "-map", "0:a:0?", "-vf", _CORNER]
    argv += ["-fps_mode", "passthrough", "-f", "framecrc", "-"]
    messages: list[str] = []
    frames, rest = 0, b""
    time_bases: dict[int, Fraction] = {}
    ends: dict[int, Fraction] = {}
    for block in stream(argv, block_bytes=_BLOCK_BYTES, on_line=messages.append):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if line.startswith(b"#tb"):
                number, _, base = line[3:].decode().partition(":")
                time_bases[int(number)] = Fraction(base.strip())
            elif line[:1].isdigit():
                number, _, pts, duration, *_ = line.decode().split(",")
                track = int(number)
                frames += track == 0
                ends[track] = max(ends.get(track, Fraction(0)), (int(pts) + int(duration)) * time_bases[track])
    if messages:
        raise CommandError(argv, 0, " | ".join(messages[-3:]))
    picture_s, sound_s = ends.get(0, Fraction(0)), ends.get(1, Fraction(0))
    return Contents(frames, picture_s * 1000, sound_s * 1000)
