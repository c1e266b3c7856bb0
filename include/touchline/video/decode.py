"""Which picture does a recording show at a moment? Frames on one grid of recording time, and single pictures.

The same moment gives the same pixels wherever reading begins, so results do not depend on how a match is cut into
chunks. Reading starts at a key frame before the first moment; whether it was early enough is checked, not assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from touchline.domain.recording import Recording, VideoStream
from touchline.errors import BadRecordingError
from touchline.video import ffmpeg_graph as graph
from touchline.video.command import run, stream
from touchline.video.ffmpeg_graph import Grid
from touchline.video.monitor import FrameMonitor

Pixels = NDArray[np.uint8]
LEADS_S: tuple[int | None, ...] = (1, 10, 60, None)
"""How long before the first moment reading begins; the next is tried when the first frame came too late.

One second covers the reordering of frames, ten seconds the key-frame groups of transport streams, which have no index;
None is the start of the file.
"""
MAX_SHORTFALL_S = 2
GRAB_TIMEOUT_S = 120.0
_JPEG = {
    "f": "image2pipe",
    "vcodec": "mjpeg",
    "pix_fmt": "yuvj420p",
    "q:v": 4,
    "fflags": "+bitexact",
    "flags:v": "+bitexact",
}


@dataclass(frozen=True)
class Frame:
    """One picture: `pixels` is uint8 of (height, width, 3), read only; `recording_ms` is grid time, rounded down."""

    recording_ms: int
    pixels: Pixels


@dataclass(frozen=True)
class _Mosaic:
    """One picture that holds a full one at the left and `every` small ones, row by row, beside it."""

    small: tuple[int, int]
    full: tuple[int, int]
    every: int

    @property
    def rows(self) -> int:
        return max(1, self.full[1] // self.small[1])

    @property
    def columns(self) -> int:
        return -(-self.every // self.rows)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.full[0] + self.columns * self.small[0], max(self.full[1], self.rows * self.small[1])

    def drawn(self, picture: Any, video: VideoStream) -> Any:
        """Mosaics of the pictures on the grid, one for each `every` of them; the full one is the first."""
        width, height = self.size
        both = picture.filter_multi_output("split")
        full = graph.scaled(both[0].filter("select", f"not(mod(n,{self.every}))"), video, *self.full)
        small = graph.scaled(both[1], video, *self.small).filter("format", "rgb24")
        tiled = small.filter("tile", f"{self.columns}x{self.rows}", nb_frames=self.every)
        sides = [
            full.filter("format", "rgb24").filter("pad", self.full[0], height).filter("setpts", "N"),
            tiled.filter("pad", width - self.full[0], height).filter("setpts", "N"),
        ]
        return ffmpeg.filter(sides, "hstack")

    def cut(self, mosaic: Pixels) -> tuple[Pixels, list[Pixels]]:
        """The full picture and the small ones, in order."""
        (width, height), left = self.small, self.full[0]
        corners = [(number // self.columns * height, left + number % self.columns * width)
                   for number in range(self.every)]
        return (mosaic[: self.full[1], :left],
                [mosaic[top : top + height, side : side + width] for top, side in corners])


class StartTooLateError(Exception):
    """The first decoded frame came after the first wanted moment: read from further ahead."""


def decode_frames(  # noqa: PLR0913 - all of them name what is wanted
    recording: Recording,
    start_ms: int,
    end_ms: int,
    *,
    fps: Fraction,
    width: int,
    height: int,
    pix_fmt: str = "rgb24",
    threads: int = 2,
) -> Iterator[Frame]:
    """Yield the frames at the moments k/fps seconds of recording time in [start_ms, end_ms), k whole.

    Each shows the last source frame presented up to half a source frame (or half a grid step, if that is shorter) after
    its moment. Turned upright, square pixels, scaled to exactly (width, height) whatever the shape, 8-bit SDR.
    `pix_fmt` is "rgb24" or "bgr24". The cost is that of the stretch plus up to one key-frame group; memory stays flat.
    Closing the generator ends ffmpeg.

    Raises:
        BadRecordingError: the picture cannot be decoded at the start of the stretch, or ends more than 2 s early.
        CommandError: ffmpeg failed.
    """
    if pix_fmt not in ("rgb24", "bgr24"):
        raise ValueError(f"pix_fmt {pix_fmt!r}: rgb24 or bgr24")
    grid = grid_between(recording, start_ms, end_ms, fps)
    if grid.first >= grid.end:
        return

    def drawn(picture: Any) -> Any:
        return graph.scaled(picture, recording.video, width, height)

    pictures = _blocks(recording, grid, drawn, shape=(height, width, 3), count=grid.end - grid.first, threads=threads,
                       pix_fmt=pix_fmt)
    for number, pixels in enumerate(pictures, grid.first):
        yield Frame(int(grid.time_s(number) * 1000), pixels)


def decode_two_sizes(
    recording: Recording,
    grid: Grid,
    *,
    small: tuple[int, int],
    full: tuple[int, int],
    every: int,
    threads: int = 2,
) -> Iterator[tuple[int, Pixels, Pixels | None]]:
    """Yield (number, small, full) for each moment of the grid: the first and each `every`-th also full, others None.

    The pictures are those of `decode_frames` at the sizes `small` and `full`, (width, height). The recording is decoded
    once. The grid may begin before the recording does: the moments that are not in it are left out. Closing the
    generator ends ffmpeg.

    Raises:
        BadRecordingError: the picture cannot be decoded at the start of the stretch, or ends more than 2 s early.
        CommandError: ffmpeg failed.
    """
    mosaic = _Mosaic(small, full, every)
    width, height = mosaic.size
    inside = replace(grid, first=max(0, grid.first))
    if inside.first >= inside.end:
        return
    mosaics = -(-(grid.end - grid.first) // every)

    def drawn(picture: Any) -> Any:
        if grid.first < 0:
            picture = picture.filter("tpad", start=-grid.first, start_mode="clone")
        return mosaic.drawn(picture, recording.video)

    number = grid.first
    for one in _blocks(recording, inside, drawn, shape=(height, width, 3), count=mosaics, threads=threads):
        first, others = mosaic.cut(one)
        for index, picture in enumerate(others):
            if 0 <= number < grid.end:
                yield number, picture, first if index == 0 else None
            number += 1


def grab_frame(recording: Recording, at_ms: int, width: int, *, threads: int = 2) -> bytes:
    """Return the picture presented at `at_ms` as JPEG bytes, 8-bit SDR, `width` pixels (even) wide, its shape kept.

    Raises:
        BadRecordingError: nothing can be decoded there.
    """
    last_ms = max(0, recording.duration_ms - 1)
    at = Fraction(min(max(at_ms, 0), last_ms), 1000)
    grid = Grid(recording.video.fps, 0, 1, origin_s=at)
    height = max(2, round(Fraction(width * recording.video.height, recording.video.width) / 2) * 2)
    for lead_s in LEADS_S:
        monitor = FrameMonitor()
        source = graph.open_recording(recording, threads, seek_us(recording, grid, lead_s))
        picture = graph.scaled(graph.on_grid(source, recording.video, grid), recording.video, width, height)
        output = picture.output("pipe:", vframes=1, fps_mode="passthrough", **_JPEG)
        argv = graph.ffmpeg_argv(output, filter_threads=threads)
        done = run(argv, timeout_s=GRAB_TIMEOUT_S, on_line=monitor.on_line, on_frame=monitor.on_frame)
        if done.stdout and not is_too_late(recording, grid, monitor):
            return done.stdout
    raise BadRecordingError(f"{recording.path} shows no picture at {at_ms} ms: copy it again")


def grid_between(recording: Recording, start_ms: int, end_ms: int, fps: Fraction) -> Grid:
    """The grid moments k/fps within [start_ms, end_ms) and within the recording."""
    end_ms = min(end_ms, recording.duration_ms)
    return Grid(fps, _ceil(max(0, start_ms) * fps / 1000), _ceil(max(0, end_ms) * fps / 1000))


def seek_us(recording: Recording, grid: Grid, lead_s: int | None) -> int | None:
    """Container time in microseconds at which reading begins; None from the first byte."""
    if lead_s is None or grid.time_s(grid.first) <= lead_s:
        return None
    return int((recording.video.start_s + grid.time_s(grid.first) - lead_s) * graph.TICKS_PER_S)


def is_too_late(recording: Recording, grid: Grid, monitor: FrameMonitor) -> bool:
    """Whether the first decoded frame is later than the one that the first moment should show.

    The fields of an interlaced picture are separated with the help of the frame before it, which must be there as well.
    """
    first = monitor.wait_for_first()
    latest_s = grid.time_s(grid.first) - grid.origin_s + grid.tolerance_s(recording.video)
    if recording.video.is_interlaced and grid.time_s(grid.first) * recording.video.fps >= 1:
        latest_s -= 1 / recording.video.fps
    return first is None or first > latest_s * graph.TICKS_PER_S


def _blocks(  # noqa: PLR0913 - all of them name what is wanted
    recording: Recording,
    grid: Grid,
    drawn: Callable[[Any], Any],
    *,
    shape: tuple[int, int, int],
    count: int,
    threads: int,
    pix_fmt: str = "rgb24",
) -> Iterator[Pixels]:
    """Yield `count` pictures of this shape: what `drawn` makes of the pictures of the grid."""
    for lead_s in LEADS_S:
        monitor = FrameMonitor()
        source = graph.open_recording(recording, threads, seek_us(recording, grid, lead_s))
        output = drawn(graph.on_grid(source, recording.video, grid)).output(
            "pipe:", f="rawvideo", pix_fmt=pix_fmt, vframes=count, fps_mode="passthrough")
        argv = graph.ffmpeg_argv(output, filter_threads=threads)
        blocks = stream(argv, block_bytes=math.prod(shape), on_line=monitor.on_line, on_frame=monitor.on_frame)
        try:
            yield from _checked(blocks, recording, grid, monitor, shape)
            return
        except StartTooLateError:
            continue
        finally:
            blocks.close()  # type: ignore[attr-defined]
    at_ms = int(grid.time_s(grid.first) * 1000)
    raise BadRecordingError(f"{recording.path} shows no picture at {at_ms} ms: copy it again")


def _checked(
    blocks: Iterator[bytes], recording: Recording, grid: Grid, monitor: FrameMonitor, shape: tuple[int, int, int]
) -> Iterator[Pixels]:
    is_first = True
    for block in blocks:
        if is_first and is_too_late(recording, grid, monitor):
            raise StartTooLateError
        is_first = False
        yield np.frombuffer(block, np.uint8).reshape(shape)
    if is_first:
        raise StartTooLateError
    _refuse_early_end(recording, grid, monitor)


def _refuse_early_end(recording: Recording, grid: Grid, monitor: FrameMonitor) -> None:
    """The last frame is held to the end of the stretch; more than two seconds of that is damage, not rounding."""
    reached_s = grid.origin_s + Fraction(monitor.last_pts or 0, graph.TICKS_PER_S)
    missing_s = grid.time_s(grid.end - 1) - reached_s
    if missing_s > MAX_SHORTFALL_S and not recording.video.is_variable_rate:
        raise BadRecordingError(
            f"{recording.path} can be decoded only to {float(reached_s):.1f} s, "
            f"{float(missing_s):.1f} s too early: copy it again"
        )


def _ceil(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)
