"""Which filters turn a recording into frames on a grid, and into sound on a clock? Built with ffmpeg-python.

All picture times inside a graph are whole microseconds since the grid's origin, so that nothing depends on where
reading began.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from touchline.domain.recording import Recording, VideoStream
from touchline.video.demuxer import input_options
from touchline.video.monitor import LOG_OPTIONS

TICKS_PER_S = 1_000_000
TONE_MAP_NITS = 203
"""Reference white of HDR pictures: ITU-R BT.2408."""


SCALING = "bicubic+accurate_rnd+full_chroma_int+bitexact"
"""Exact rounding, whole chroma: the same pixels with and without the CPU's vector instructions, in RGB and in BGR."""


LAST_FRAME_HELD_S = 10
"""The filter `fps` drops the last frame when its end rounds to the step before: it is made longer than any step."""


@dataclass(frozen=True)
class Grid:
    """Moments `origin_s + number / fps` of recording time, from `first` up to but not including `end` (numbers)."""

    fps: Fraction
    first: int
    end: int
    origin_s: Fraction = Fraction(0)

    def time_s(self, number: int) -> Fraction:
        """Recording time of a moment, in seconds."""
        return self.origin_s + number / self.fps

    def tolerance_s(self, video: VideoStream) -> Fraction:
        """A moment shows the last frame presented up to this much after it: half a frame or half a grid step."""
        return min(1 / self.fps, 1 / video.fps) / 2


def ffmpeg_argv(output: Any, *, filter_threads: int | None = None) -> list[str]:
    """The whole call for an ffmpeg-python output node, under our log options; existing targets are replaced."""
    switches: dict[str, Any] = {"nostdin": None, **LOG_OPTIONS, "copyts": None}
    if filter_threads is not None:
        switches["filter_complex_threads"] = filter_threads
    argv = []
    for name, value in switches.items():
        argv += [f"-{name}"] if value is None else [f"-{name}", str(value)]
    compiled: list[str] = ffmpeg.compile(output)
    return ["ffmpeg", *argv, *compiled[1:], "-y"]


def open_recording(recording: Recording, threads: int, start_us: int | None) -> Any:
    """Input node; corrupt frames, such as those before the first key frame after a seek, are not given out."""
    options = input_options(recording.path, recording.demuxer, threads=threads, start_us=start_us)
    return ffmpeg.input(**options, **{"flags:v": "-output_corrupt"})


def first_frame_argv(path: Path, demuxer: str, index: int) -> list[str]:
    """Decode one frame and print its container time in microseconds."""
    source = ffmpeg.input(**input_options(path, demuxer, threads=1), **{"flags:v": "-output_corrupt"})
    shown = source[str(index)].filter("settb", f"1/{TICKS_PER_S}").filter("showinfo", checksum=0)
    return ffmpeg_argv(shown.output("pipe:", f="null", fps_mode="passthrough", vframes=1))


def on_grid(source: Any, video: VideoStream, grid: Grid) -> Any:
    """Frames of the grid, by number: what the recording presents at each moment, the last frame held at the end.

    `showinfo` reports every decoded frame in microseconds since the grid's origin. The filter `fps` stands before any
    scaling: frames that are not wanted are never scaled. Its rounding to the nearest step is moved so that a frame
    counts from `tolerance_s` before its time.
    """
    origin = round((video.start_s + grid.origin_s) * TICKS_PER_S)
    shift = int((1 / grid.fps / 2 - grid.tolerance_s(video)) * TICKS_PER_S)
    return (
        source[str(video.index)]
        .filter("settb", f"1/{TICKS_PER_S}")
        .filter("setpts", f"PTS-({origin})")
        .filter("showinfo", checksum=0)
        .filter("setpts", f"PTS+{shift}")
        .filter("tpad", stop_duration=LAST_FRAME_HELD_S, stop_mode="clone")
        .filter("fps", str(grid.fps), round="near")
        .filter("trim", start_pts=grid.first)
        .filter("setpts", f"PTS-({grid.first})")
        .filter("tpad", stop=-1, stop_mode="clone")
    )


def to_sdr(picture: Any, video: VideoStream) -> Any:
    """8-bit BT.709 from HDR by tone mapping; other pictures pass unchanged. Cheapest after scaling down.

    Mobius keeps what is darker than white nearly linear, so grass and kits keep their colours.
    """
    if not video.is_hdr:
        return picture
    return (
        picture.filter("setparams", color_primaries="bt2020", colorspace="bt2020nc")
        .filter("zscale", transfer="linear", npl=TONE_MAP_NITS)
        .filter("format", "gbrpf32le")
        .filter("zscale", primaries="bt709")
        .filter("tonemap", "mobius", desat=0)
        .filter("zscale", transfer="bt709", matrix="bt709", range="limited")
        .filter("format", "yuv420p")
    )


def scaled(picture: Any, video: VideoStream, width: int, height: int) -> Any:
    """SDR pictures of exactly this size with square pixels; the shape of the picture is not kept."""
    return to_sdr(picture.filter("scale", width, height, flags=SCALING), video).filter("setsar", 1)


def fitted(picture: Any, video: VideoStream, width: int, height: int) -> Any:
    """SDR pictures of this size, BT.709, limited range; the picture keeps its shape and is centred on black."""
    ratio = min(Fraction(width, video.width), Fraction(height, video.height))
    inner_width = min(width, max(2, round(video.width * ratio / 2) * 2))
    inner_height = min(height, max(2, round(video.height * ratio / 2) * 2))
    colours = {} if video.is_hdr else {"out_color_matrix": "bt709", "out_range": "tv"}
    inner = picture.filter("scale", inner_width, inner_height, flags=SCALING, **colours)
    return (
        to_sdr(inner, video)
        .filter("setsar", 1)
        .filter("pad", width, height, "(ow-iw)/2", "(oh-ih)/2", "black")
        .filter("format", "yuv420p")
    )


def sound_on_clock(source: Any, recording: Recording, origin_s: Fraction, sample_rate: int) -> Any:
    """Sound whose sample 0 is at `origin_s` of recording time: trimmed or padded at its start, gaps filled.

    `aresample` fills or drops where times and samples part by more than 0.1 s (a gap in a transport stream), and at the
    start exactly.
    """
    if recording.audio is None:
        raise ValueError(f"{recording.path} has no sound")
    origin = float(recording.video.start_s + origin_s)
    return (
        source[str(recording.audio.index)]
        .filter("asetpts", f"PTS-({origin!r})/TB")
        .filter("atrim", start=0)
        .filter("aresample", sample_rate, **{"async": 1, "first_pts": 0})
    )
