"""Which recordings can be copied, and how are the edges of their clips encoded so that both fit into one file?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from touchline.domain.recording import Recording
from touchline.errors import CommandError
from touchline.video import ffmpeg_graph as graph
from touchline.video.coded import TO_PIPE, Coded, NotCopyableError, ParameterSets, read_coded
from touchline.video.command import run, stream
from touchline.video.cut import DETERMINISTIC, KEY_FRAME_EVERY_S, X264_PRESET, ClipStyle
from touchline.video.decode import LEADS_S, is_too_late, seek_us
from touchline.video.demuxer import input_argv, input_options
from touchline.video.encoder import SOFTWARE
from touchline.video.ffmpeg_graph import Grid
from touchline.video.log import LOG_LEVEL, last_message
from touchline.video.monitor import FrameMonitor

OFFSET_S = 60
"""Added to all times: FLV has none below 0, and an edit list hides pictures there."""
_LEADS_S = (0, *LEADS_S)
"""A seek to the frame itself is enough where the file has an index."""
_NUMBERS = range(1, 31)
"""Parameter sets are numbered up to 31; most encoders take 0."""
_FORMATS = ("yuv420p", "yuvj420p")
_COLOURS = {"color_range": "color_range", "color_space": "colorspace", "color_transfer": "color_trc",
            "color_primaries": "color_primaries"}
"""What ffprobe says of colours → option of the encoder."""
_PROBE_TIMEOUT_S = 60.0
_EDGE_TIMEOUT_S = 600.0
_EDGE_BYTES = 1 << 28
_BLOCK_BYTES = 1 << 16


@dataclass(frozen=True)
class Copying:
    """What the clips of a reel share: its style, and the parameter sets of the recordings and of the edges.

    Those of the edges have this `number`. `colours` are options of the encoder: what the recordings say of theirs.
    """

    style: ClipStyle
    sets: ParameterSets
    number: int
    pix_fmt: str
    colours: tuple[tuple[str, str], ...]


def find_copying(recordings: Sequence[Recording], style: ClipStyle) -> Copying:
    """How clips of these recordings, one or more, can be copied into a reel of this style.

    Raises:
        NotCopyableError: they cannot.
    """
    first, *others = [_copying_of(recording, style) for recording in recordings]
    if any(other != first for other in others):
        raise NotCopyableError("the match's recordings are coded in different ways")
    return first


def coded_pictures(recording: Recording, frame: int) -> Iterator[Coded]:
    """Parameter sets and coded pictures from a key picture on that is shown at this frame or later.

    Times are those of the container, and `OFFSET_S` later.

    Raises:
        NotCopyableError: it is not H.264.
        CommandError: ffmpeg failed.
    """
    video = recording.video
    start_us = round((video.start_s + (frame - Fraction(1, 2)) / video.fps) * graph.TICKS_PER_S) if frame else None
    source = ffmpeg.input(**input_options(recording.path, recording.demuxer, start_us=start_us))
    output = source[str(video.index)].output(
        "pipe:", vcodec="copy", output_ts_offset=OFFSET_S, avoid_negative_ts="disabled", **TO_PIPE)
    with closing(stream(graph.ffmpeg_argv(output), block_bytes=_BLOCK_BYTES)) as blocks:  # type: ignore[type-var]
        yield from read_coded(blocks)


def encode_frames(recording: Recording, first: int, end: int, copying: Copying) -> list[Coded]:
    """The frames [first, end) of a recording, coded in the order in which they are shown.

    Raises:
        NotCopyableError: they cannot be decoded, or get other parameter sets than those of all edges.
        CommandError: ffmpeg failed.
    """
    if first >= end:
        return []
    sets, *pictures = _encoded(recording, first, end, copying)
    if not copying.sets.holds(ParameterSets.of(sets.data)) or len(pictures) != end - first:
        raise NotCopyableError(f"{Path(recording.path).name} changes the form of its pictures")
    return pictures


def _copying_of(recording: Recording, style: ClipStyle) -> Copying:
    try:
        described = _described(recording)
        _refuse(recording, style, described)
        own = _own_sets(recording)
        colours = tuple((option, described[name]) for name, option in _COLOURS.items()
                        if described.get(name, "unknown") != "unknown")
        number = min(set(_NUMBERS) - own.numbers, default=0)
        if not number:
            raise NotCopyableError(f"all numbers of parameter sets are taken ({Path(recording.path).name})")
        draft = Copying(style, own, number, recording.video.pix_fmt, colours)
        sets, *_ = _encoded(recording, 0, 1, draft)
    except CommandError as error:
        raise NotCopyableError(f"the coded pictures of {Path(recording.path).name} cannot be read: "
                               f"{last_message(error.last_lines)}") from error
    return replace(draft, sets=own.beside(ParameterSets.of(sets.data)))


def _described(recording: Recording) -> dict[str, Any]:
    argv = ["ffprobe", "-v", LOG_LEVEL, "-select_streams", str(recording.video.index), "-of", "json", "-show_entries"]
    argv += [f"stream=width,height,sample_aspect_ratio,field_order,{','.join(_COLOURS)}"]
    done = run([*argv, *input_argv(recording.path, recording.demuxer)], timeout_s=_PROBE_TIMEOUT_S)
    return dict(json.loads(done.stdout)["streams"][0])


def _refuse(recording: Recording, style: ClipStyle, described: dict[str, Any]) -> None:
    video = recording.video
    is_progressive = described.get("field_order", "progressive") in ("progressive", "unknown")
    obstacles = {
        f"its pictures are {video.codec}, not H.264": video.codec != "h264",
        f"its pictures are {video.pix_fmt}": video.pix_fmt not in _FORMATS or video.is_hdr,
        "its pictures are interlaced": video.is_interlaced or not is_progressive,
        "its pictures do not come at a constant rate": video.is_variable_rate,
        "it is turned for display": bool(video.rotation) or video.is_mirrored,
        "its pixels are not square": described.get("sample_aspect_ratio", "1:1") not in ("1:1", "0:1", "N/A"),
        "reels have another size": (described["width"], described["height"]) != (style.width, style.height),
        "reels have another rate": video.fps != style.fps,
    }
    for obstacle, is_there in obstacles.items():
        if is_there:
            raise NotCopyableError(f"{obstacle} ({Path(recording.path).name})")


def _own_sets(recording: Recording) -> ParameterSets:
    with closing(coded_pictures(recording, 0)) as coming:  # type: ignore[type-var]
        first = next(coming, None)
    if first is None or not first.is_sets:
        raise NotCopyableError(f"{Path(recording.path).name} does not begin with its parameter sets")
    return ParameterSets.of(first.data)


def _encoded(recording: Recording, first: int, end: int, copying: Copying) -> list[Coded]:
    """Parameter sets and coded pictures of the frames [first, end)."""
    grid = Grid(copying.style.fps, 0, end - first, origin_s=first / recording.video.fps)
    for lead_s in _LEADS_S:
        monitor = FrameMonitor()
        argv = _edge_argv(recording, grid, copying, lead_s)
        done = run(argv, timeout_s=_EDGE_TIMEOUT_S, max_bytes=_EDGE_BYTES, on_line=monitor.on_line,
                   on_frame=monitor.on_frame)
        if not is_too_late(recording, grid, monitor) and (coded := list(read_coded([done.stdout]))):
            return coded
    raise NotCopyableError(f"{Path(recording.path).name} shows no picture at frame {first}")


def _edge_argv(recording: Recording, grid: Grid, copying: Copying, lead_s: int | None) -> list[str]:
    """The ffmpeg call that encodes frames as they are, under parameter sets with a number of their own."""
    style = copying.style
    source = graph.open_recording(recording, style.threads, seek_us(recording, grid, lead_s))
    picture = graph.on_grid(source, recording.video, grid).filter("trim", end_frame=grid.end)
    # Frames of the usual form pass unchanged; those after a change of it would be cut off, or shown in a corner.
    shape = Fraction(recording.video.width, recording.video.height)
    picture = graph.boxed(picture, recording.video, style.width, style.height, shape, {})
    options: dict[str, Any] = {
        "vcodec": SOFTWARE,
        "preset": X264_PRESET,
        "crf": style.crf,
        "g": round(style.fps * KEY_FRAME_EVERY_S),
        "bf": 0,
        "threads": style.threads,
        "flags:v": "+cgop+global_header",
        "profile:v": "high",
        "pix_fmt": copying.pix_fmt,
        "x264-params": f"{DETERMINISTIC}:sps-id={copying.number}",
        "fps_mode": "passthrough",
    }
    output = picture.output("pipe:", **options, **dict(copying.colours), **TO_PIPE)
    return graph.ffmpeg_argv(output, filter_threads=style.threads)
