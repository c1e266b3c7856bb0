"""Is a finished video whole? Decoded from its first to its last frame, with every frame counted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from touchline.errors import CommandError, TouchlineError
from touchline.video.command import stream
from touchline.video.demuxer import input_argv, sniff_demuxer

AUDIO_TOLERANCE_MS = 50
_BLOCK_BYTES = 1 << 15


@dataclass(frozen=True)
class Contents:
    """What decoding gave: number of frames, and length of the sound (0 without)."""

    frames: int
    sound_ms: Fraction


def verify_video(path: Path, frames: int, duration_ms: int) -> None:
    """Decode all of a video of ours and compare.

    Raises:
        TouchlineError: a message of the decoder, another number of frames, or sound whose length is more than 50 ms
            away from `duration_ms`.
    """
    try:
        found = decode_all(path)
    except CommandError as error:
        raise TouchlineError(f"{path.name} is damaged ({error.last_lines}): render it again") from None
    if found.frames != frames:
        raise TouchlineError(f"{path.name} has {found.frames} frames instead of {frames}: render it again")
    if abs(found.sound_ms - duration_ms) > AUDIO_TOLERANCE_MS:
        sound = f"{float(found.sound_ms):.0f} ms of sound"
        raise TouchlineError(f"{path.name} has {sound} instead of {duration_ms}: render it again")


def decode_all(path: Path) -> Contents:
    """Decode every frame and sample.

    Raises:
        CommandError: ffmpeg failed or wrote any message.
    """
    argv = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", *input_argv(path, sniff_demuxer(path))]
    argv += ["-map", "0:v:0", "-map", "0:a:0?", "-fps_mode", "passthrough", "-f", "framecrc", "-"]
    messages: list[str] = []
    frames, sound_end, rest = 0, Fraction(0), b""
    time_bases: dict[int, Fraction] = {}
    for block in stream(argv, block_bytes=_BLOCK_BYTES, on_line=messages.append):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if line.startswith(b"#tb"):
                number, _, base = line[3:].decode().partition(":")
                time_bases[int(number)] = Fraction(base.strip())
            elif line[:1].isdigit():
                number, _, pts, duration, *_ = (part.strip() for part in line.decode().split(","))
                frames += number == "0"
                if number == "1":
                    sound_end = max(sound_end, (int(pts) + int(duration)) * time_bases[1])
    if messages:
        raise CommandError(argv, 0, " | ".join(messages[-3:]))
    return Contents(frames, sound_end * 1000)
