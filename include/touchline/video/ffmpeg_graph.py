"""Which filters turn a recording into frames on a grid? Built with ffmpeg-python.

All picture times inside a graph are whole microseconds since the grid's origin, so that nothing depends on where
reading began.

A graph is configured once, for the whole stretch: else its counts and trims would start again wherever the picture
changes its size, format or shape. So up to `boxed` no filter looks at the form of a frame, and after it all are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from touchline.domain.recording import Recording, VideoStream
from touchline.video.child import FRAME_TIMES
from touchline.video.demuxer import input_options
from touchline.video.log import LOG_LEVEL

TICKS_PER_S = 1_000_000
TONE_MAP_NITS = 203
"""Reference white of HDR pictures: ITU-R BT.2408."""


SCALING = "bicubic+accurate_rnd+full_chroma_int+bitexact"
"""Exact rounding, whole chroma: the same pixels with and without the CPU's vector instructions, in RGB and in BGR."""


SAME_SHAPE = 0.02
"""Pictures whose ratios of width to height differ by less have one shape: sample aspect ratios are rounded."""


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
    switches: dict[str, Any] = {"nostdin": None, "hide_banner": None, "nostats": None, "loglevel": LOG_LEVEL}
    switches["copyts"] = None
    if filter_threads is not None:
        switches["filter_complex_threads"] = filter_threads
    argv = []
    for name, value in switches.items():
        argv += [f"-{name}"] if value is None else [f"-{name}", str(value)]
    compiled: list[str] = ffmpeg.compile(output)
    return ["ffmpeg", *argv, *compiled[1:], "-y"]


def open_recording(recording: Recording, threads: int, start_us: int | None, *, key_frames_only: bool = False) -> Any:
    """Input node; corrupt frames, such as those before the first key frame after a seek, are not given out."""
    options = input_options(recording.path, recording.demuxer, threads=threads, start_us=start_us)
    skipped = {"skip_frame:v": "nokey"} if key_frames_only else {}
    return ffmpeg.input(**options, **_PICTURE_OPTIONS, **skipped)


_PICTURE_OPTIONS: dict[str, Any] = {"flags:v": "-output_corrupt", "reinit_filter:v": 0, "noautorotate": None}
"""One graph for the whole stretch. ffmpeg would turn frames before we make them alike: `upright` does it after."""


def first_frame_argv(path: Path, demuxer: str, index: int) -> list[str]:
    """Decode one frame and tell its container time in microseconds."""
    source = ffmpeg.input(**input_options(path, demuxer, threads=1), **_PICTURE_OPTIONS)
    shown = told(source[str(index)].filter("settb", f"1/{TICKS_PER_S}"))
    return ffmpeg_argv(shown.output("pipe:", f="null", fps_mode="passthrough", vframes=1))


def told(picture: Any) -> Any:
    """Frames whose times are written, one line each, to the `on_frame` of `command.run`, apart from ffmpeg's log.

    The filter tells only of frames that carry the key; nothing else in their metadata is written.
    """
    keyed = picture.filter("metadata", "add", key="touchline", value=1)
    return keyed.filter("metadata", "print", key="touchline", file=FRAME_TIMES, direct=1)


def on_grid(source: Any, video: VideoStream, grid: Grid) -> Any:
    """Frames of the grid, by number: what the recording presents at each moment, the last frame held at the end.

    Every decoded frame's time is written out, in microseconds since the grid's origin. The filter `fps` comes before
    any scaling: frames that are not wanted are never scaled. Its rounding to the nearest step is moved so that a frame
    counts from `tolerance_s` before its time.
    """
    origin = round((video.start_s + grid.origin_s) * TICKS_PER_S)
    shift = int((1 / grid.fps / 2 - grid.tolerance_s(video)) * TICKS_PER_S)
    picture = source[str(video.index)].filter("settb", f"1/{TICKS_PER_S}").filter("setpts", f"PTS-({origin})")
    return (
        progressive(told(picture), video)
        .filter("setpts", f"PTS+{shift}")
        .filter("tpad", stop_duration=LAST_FRAME_HELD_S, stop_mode="clone")
        .filter("fps", str(grid.fps), round="near")
        .filter("trim", start_pts=grid.first)
        .filter("setpts", f"PTS-({grid.first})")
        .filter("tpad", stop=-1, stop_mode="clone")
    )


def progressive(picture: Any, video: VideoStream) -> Any:
    """Frames of one moment each, at the same times; those of a progressive recording pass unchanged.

    `bwdif` looks at the frames before and after, so it comes before any is dropped, and must see one size: where the
    recording changes its own, `scale` keeps the first (and does nothing else); the shape goes on in the aspect ratio.
    """
    if not video.is_interlaced:
        return picture
    return (
        picture.filter("scale", "iw", "ih", interl=-1, flags=SCALING)
        .filter("bwdif", mode="send_frame", parity="auto", deint="interlaced")
        .filter("settb", f"1/{TICKS_PER_S}")
    )


def boxed(
    picture: Any, video: VideoStream, width: int, height: int, shape: Fraction, colours: Mapping[str, str]
) -> Any:
    """Pictures of exactly this size, turned upright, with square pixels, whatever form each frame has.

    `shape` is the ratio of width to height that the recording's picture is to have in the box, where it is centred on
    black. Frames of another shape than that of the beginning keep theirs in proportion. `colours` are options of
    `scale`.
    """
    seen = Fraction(video.width, video.height)
    if video.rotation in (90, 270):
        width, height, shape, seen = height, width, 1 / shape, 1 / seen
    inner_width, inner_height = _inside(width, height, shape)
    change = f"dar*{float(1 / seen)!r}"
    is_usual = f"lt(abs({change}-1),{SAME_SHAPE})"
    wide = f"if({is_usual},{inner_width},max(2,min({width},2*round({height * float(shape)!r}*{change}/2))))"
    high = f"if({is_usual},{inner_height},max(2,min({height},2*round({width / float(shape)!r}/({change})/2))))"
    return upright(
        picture.filter("scale", wide, high, eval="frame", flags=SCALING, **colours)
        .filter("setsar", 1)
        .filter("pad", width, height, "(ow-iw)/2", "(oh-ih)/2", "black", eval="frame"),
        video,
    )


def _inside(width: int, height: int, shape: Fraction) -> tuple[int, int]:
    """The largest size of this shape in a box: (100, 100), 16:9 → (100, 56); even, unless it fills the box."""
    inner_width, inner_height = round(height * shape / 2) * 2, round(width / shape / 2) * 2
    return (
        width if shape >= Fraction(width, height) else min(width, max(2, inner_width)),
        height if shape <= Fraction(width, height) else min(height, max(2, inner_height)),
    )


_TURNS: dict[tuple[int, bool], tuple[tuple[str, str | None], ...]] = {
    (0, False): (),
    (90, False): (("transpose", "clock"),),
    (180, False): (("hflip", None), ("vflip", None)),
    (270, False): (("transpose", "cclock"),),
    (0, True): (("vflip", None),),
    (90, True): (("transpose", "cclock_flip"),),
    (180, True): (("hflip", None),),
    (270, True): (("transpose", "clock_flip"),),
}
"""(rotation, is_mirrored) → what ffmpeg's own autorotation does."""


def upright(picture: Any, video: VideoStream) -> Any:
    """Pictures turned for display."""
    for name, how in _TURNS[video.rotation, video.is_mirrored]:
        picture = picture.filter(name, how) if how else picture.filter(name)
    return picture


def to_sdr(picture: Any, video: VideoStream) -> Any:
    """8-bit BT.709 from HDR by tone mapping; other pictures pass unchanged. Cheapest after scaling down.

    Mobius keeps what is darker than white nearly linear, so grass and kits keep their colours. `zscale` refuses odd
    sizes with halved chroma, so the chroma stays whole until the end.
    """
    if not video.is_hdr:
        return picture
    return (
        picture.filter("format", "yuv444p10le")
        .filter("setparams", color_primaries="bt2020", colorspace="bt2020nc")
        .filter("zscale", transfer="linear", npl=TONE_MAP_NITS)
        .filter("format", "gbrpf32le")
        .filter("zscale", primaries="bt709")
        .filter("tonemap", "mobius", desat=0)
        .filter("zscale", transfer="bt709", matrix="bt709", range="limited")
        .filter("format", "yuv444p")
        .filter("scale", flags=SCALING)
    )


def scaled(picture: Any, video: VideoStream, width: int, height: int) -> Any:
    """SDR pictures of exactly this size; the picture of the beginning fills it, whatever its shape."""
    return to_sdr(boxed(picture, video, width, height, Fraction(width, height), {}), video)


def fitted(picture: Any, video: VideoStream, width: int, height: int) -> Any:
    """SDR pictures of this size, BT.709, limited range; the picture keeps its shape and is centred on black."""
    shape = Fraction(video.width, video.height)
    colours = {} if video.is_hdr else {"out_color_matrix": "bt709", "out_range": "tv"}
    return to_sdr(boxed(picture, video, width, height, shape, colours), video).filter("format", "yuv420p")
