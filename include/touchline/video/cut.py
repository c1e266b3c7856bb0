"""How is a clip cut so that every frame is the right one, and clips can be joined without encoding again?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from touchline.domain.recording import Recording
from touchline.errors import BadRecordingError
from touchline.video import audio
from touchline.video import ffmpeg_graph as graph
from touchline.video.command import run
from touchline.video.decode import LEADS_S, is_too_late, seek_us
from touchline.video.encoder import HARDWARE
from touchline.video.ffmpeg_graph import Grid
from touchline.video.monitor import FrameMonitor

KEY_FRAME_EVERY_S = 2
PRESENTED_TOLERANCE_S = Fraction(1, 1000)
"""Times are given in whole milliseconds, so a frame counts as presented up to one before its time."""
X264_PRESET = "veryfast"
"""A third of the CPU time of "medium" at the same CRF, files up to a quarter larger (real clips, 720p and 1080p)."""
DETERMINISTIC = "sync-lookahead=0"
"""Else x264's look-ahead thread may decide the last frames of a clip by timing."""
CUT_TIMEOUT_S = 3600.0
SOUND_AS_IT_IS: dict[str, Any] = {"acodec": "pcm_s16le"}
BITEXACT: dict[str, Any] = {"fflags": "+bitexact", "flags:a": "+bitexact", "map_metadata": -1, "map_chapters": -1}


@dataclass(frozen=True)
class ClipStyle:
    """How clips look; clips of one style have equal parameter sets and can be joined by stream copy.

    `width` and `height` are even; `codec` is "libx264" or "h264_nvenc"; `crf` 0…51, lower is better.
    """

    width: int
    height: int
    fps: Fraction
    codec: str = "libx264"
    crf: int = 20
    threads: int = 2
    sample_rate: int = 48_000

    def __post_init__(self) -> None:
        """Refuse what H.264 4:2:0 cannot hold."""
        if self.width % 2 or self.height % 2 or self.width <= 0 or self.height <= 0:
            raise ValueError(f"{self.width}x{self.height} is not a size for a clip: both must be even")

    def samples(self, frames: int) -> int:
        """How many sound samples go with this many frames."""
        return round(frames / self.fps * self.sample_rate)


def cut_clip(
    recording: Recording,
    start_ms: int,
    end_ms: int,
    target: Path,
    style: ClipStyle,
    *,
    timeout_s: float = CUT_TIMEOUT_S,
) -> int:
    """Encode [start_ms, end_ms) of recording time into `target` (.mkv) and return its number of frames.

    Exactly `clip_frames` frames, the first being the one presented at `start_ms`; 8-bit SDR progressive H.264 without
    B-frames in closed groups, the picture's shape kept on black; 16-bit stereo PCM of exactly the same length, silent
    where the recording has none. Beyond the end of the recording its last frame stands. Same input, same decoded
    frames.

    Raises:
        BadRecordingError: the picture cannot be decoded there.
        CommandError: ffmpeg failed or took longer than `timeout_s` seconds.
    """
    if not 0 <= start_ms < min(end_ms, recording.duration_ms):
        raise ValueError(f"{start_ms} to {end_ms} ms is not a stretch of {recording.duration_ms} ms")
    frames = clip_frames(recording, start_ms, end_ms, style)
    grid = Grid(style.fps, 0, frames, origin_s=presented_s(recording, start_ms))
    for lead_s in LEADS_S:
        monitor = FrameMonitor()
        argv = cut_argv(recording, grid, target, style, lead_s)
        feeder = sound_argv(recording, grid, style)
        run(argv, timeout_s=timeout_s, feeder=feeder, on_line=monitor.on_line, on_frame=monitor.on_frame)
        if not is_too_late(recording, grid, monitor):
            return frames
    raise BadRecordingError(f"{recording.path} shows no picture at {start_ms} ms: copy it again")


def clip_frames(recording: Recording, start_ms: int, end_ms: int, style: ClipStyle) -> int:
    """How many frames the clip [start_ms, end_ms) has: from the one presented at its start to that at its end.

    So clips that follow each other without a gap show every frame once. Never less than one.
    """
    return max(1, round((presented_s(recording, end_ms) - presented_s(recording, start_ms)) * style.fps))


def presented_s(recording: Recording, at_ms: int) -> Fraction:
    """Time of the frame presented at `at_ms`, so that a clip's steps and the frames are in phase.

    With a variable rate the frame times are not known beforehand: then the moment itself.
    """
    if recording.video.is_variable_rate:
        return Fraction(at_ms, 1000)
    return math.floor((Fraction(at_ms, 1000) + PRESENTED_TOLERANCE_S) * recording.video.fps) / recording.video.fps


def cut_argv(recording: Recording, grid: Grid, target: Path, style: ClipStyle, lead_s: int | None) -> list[str]:
    """The ffmpeg call for one clip, reading from `lead_s` seconds ahead of it."""
    source = graph.open_recording(recording, style.threads, seek_us(recording, grid, lead_s))
    # ffmpeg's option -frames:v would also end the sound where the picture ends, before it is all written.
    picture = graph.on_grid(source, recording.video, grid).filter("trim", end_frame=grid.end)
    picture = graph.fitted(picture, recording.video, style.width, style.height)
    options = encoder_options(style) | {"fps_mode": "passthrough"} | SOUND_AS_IT_IS | BITEXACT
    output = ffmpeg.output(picture, sound_beside(recording, grid.end, style), str(target), f="matroska", **options)
    return graph.ffmpeg_argv(output, filter_threads=style.threads)


def sound_beside(recording: Recording, frames: int, style: ClipStyle) -> Any:
    """The sound of a clip of this many frames, exactly as long: silence, or what `sound_argv` feeds."""
    samples = style.samples(frames)
    if recording.audio is None:
        sound = ffmpeg.input(f"anullsrc=r={style.sample_rate}:cl=stereo", f="lavfi").audio
    else:
        sound = audio.on_clock(style.sample_rate)
    return (
        sound.filter("aformat", sample_fmts="s16", sample_rates=style.sample_rate, channel_layouts="stereo")
        .filter("apad", whole_len=samples)
        .filter("atrim", end_sample=samples)
    )


def sound_argv(recording: Recording, grid: Grid, style: ClipStyle) -> list[str] | None:
    """The command that feeds the one that makes a clip with the recording's sound; None without sound."""
    if recording.audio is None:
        return None
    length_s = grid.end / grid.fps
    return audio.feeding_argv(recording, grid.origin_s, length_s, style.sample_rate, "stereo", style.threads)


def encoder_options(style: ClipStyle) -> dict[str, Any]:
    """Options of the picture's encoder: one set of parameters, closed groups, no reordering, tagged BT.709."""
    options: dict[str, Any] = {
        "vcodec": style.codec,
        "pix_fmt": "yuv420p",
        "g": round(style.fps * KEY_FRAME_EVERY_S),
        "bf": 0,
        "threads": style.threads,
        "flags:v": "+cgop+bitexact",
        "profile:v": "high",
        "color_range": "tv",
        "colorspace": "bt709",
        "color_primaries": "bt709",
        "color_trc": "bt709",
    }
    if style.codec == HARDWARE:
        return options | {"preset": "p5", "rc": "vbr", "cq": style.crf, "b:v": 0, "forced-idr": 1}
    return options | {"preset": X264_PRESET, "crf": style.crf, "x264-params": DETERMINISTIC}
