"""How is a clip cut without encoding all of it? Its body is copied, only its edges are encoded.

Copying begins with an IDR picture: what follows one in the file is shown after it, and needs nothing from before it. It
ends where the pictures copied so far are all that are shown so far. The edges have parameter sets of their own, under
a number of their own; both stand in the header of the reel, so that each picture finds its own.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import ffmpeg

from touchline.domain.recording import Recording
from touchline.video import ffmpeg_graph as graph
from touchline.video.coded import FLV_HEADER, Coded, ParameterSets, write_coded
from touchline.video.command import run
from touchline.video.cut import (
    BITEXACT,
    CUT_TIMEOUT_S,
    SOUND_AS_IT_IS,
    ClipStyle,
    clip_frames,
    presented_s,
    sound_argv,
    sound_beside,
)
from touchline.video.edges import OFFSET_S, Copying, coded_pictures, encode_frames
from touchline.video.ffmpeg_graph import Grid

DEPTH = 4
"""Pictures may be shown up to this many places later than they are decoded. x264's pyramids need 2."""
_LEAST_BODY = 8
"""Fewer frames are not worth a copy."""
_OFF_GRID = Fraction(1, 4)
"""A picture that is shown more than this part of a frame beside its place does not come at a constant rate."""
_BEYOND = 2 * DEPTH
"""Reading ends this many frames after the clip: a picture that is shown earlier may still come until then."""


@dataclass(frozen=True)
class Picture:
    """A coded picture: the number of its frame in the recording, and where its data lies in the spool."""

    frame: int
    is_idr: bool
    at: int
    size: int


def cut_copied(recording: Recording, start_ms: int, end_ms: int, target: Path, copying: Copying, *,
               timeout_s: float = CUT_TIMEOUT_S) -> int:
    """Write [start_ms, end_ms) of recording time into `target` (.mov) and return its number of frames.

    The same frames and the same sound as `cut_clip` gives; most frames are bit by bit those of the recording.

    Raises:
        NotCopyableError: the recording's pictures are not what they seemed.
        CommandError: ffmpeg failed or took longer than `timeout_s` seconds.
    """
    style = copying.style
    frames, first = clip_frames(recording, start_ms, end_ms, style), _frame_at(recording, start_ms)
    end = first + frames
    pictures = target.with_suffix(".flv")
    try:
        with tempfile.TemporaryFile(dir=target.parent) as spool, pictures.open("wb") as file:
            body = find_body(_spooled(recording, first, end, spool, copying), first, end)
            begin = body[0].frame if body else end
            writer = _Writer(file, copying)
            writer.add_encoded(encode_frames(recording, first, begin, copying))
            writer.add_copied(body, spool)
            writer.add_encoded(encode_frames(recording, begin + len(body), end, copying))
        grid = Grid(style.fps, 0, frames, origin_s=presented_s(recording, start_ms))
        argv = _mux_argv(recording, pictures, frames, target, style)
        run(argv, timeout_s=timeout_s, feeder=sound_argv(recording, grid, style))
    finally:
        pictures.unlink(missing_ok=True)
    return frames


def find_body(pictures: Sequence[Picture], first: int, end: int) -> list[Picture]:
    """The longest run of pictures, in the order of decoding, that can be copied into the clip [first, end) of frames.

    They begin with an IDR picture, and are exactly the frames from that one on. Empty where no run is long enough.
    """
    begin = next((number for number, one in enumerate(pictures) if one.is_idr and one.frame >= first), len(pictures))
    following, seen, last, whole = pictures[begin:], set[int](), -1, 0
    for number, one in enumerate(following[: end - following[0].frame] if following else ()):
        place = one.frame - following[0].frame
        if place < max(0, number - DEPTH) or place in seen:
            break
        seen.add(place)
        last = max(last, place)
        if last == number:
            whole = number + 1
    return list(following[:whole]) if whole >= _LEAST_BODY else []


def widened(recording: Recording, start_ms: int, end_ms: int, within_ms: tuple[int, int],
            copying: Copying) -> tuple[int, int]:
    """A stretch around [start_ms, end_ms), within these bounds, whose pictures can all be copied.

    It begins at the last IDR picture before the start and ends a few frames after the end; as it was where nothing
    within the bounds will do.
    """
    first, end = _frame_at(recording, start_ms), _frame_at(recording, end_ms)
    earliest, latest = (_frame_at(recording, bound_ms) for bound_ms in within_ms)
    coded = [(frame, one.is_idr) for frame, one in _placed(recording, earliest, end + _BEYOND, copying)]
    begins = [number for number, (frame, is_idr) in enumerate(coded) if is_idr and earliest <= frame <= first]
    if not begins:
        return start_ms, end_ms
    origin, last = coded[begins[-1]][0], -1
    for number, (frame, _) in enumerate(coded[begins[-1] :], 1):
        last = max(last, frame)
        if last - origin + 1 == number and end <= last + 1 <= latest:
            return _ms_of(recording, origin), _ms_of(recording, last + 1)
    return _ms_of(recording, origin), end_ms


class _Writer:
    """Writes the pictures of a clip one after the other, on the clip's own clock."""

    def __init__(self, file: IO[bytes], copying: Copying) -> None:
        self._file, self._fps, self._count = file, copying.style.fps, 0
        file.write(FLV_HEADER)
        write_coded(file, Coded(0, 0, copying.sets.record, is_sets=True), is_key=True)

    def add_encoded(self, pictures: Sequence[Coded]) -> None:
        """Add pictures that are decoded in the order in which they are shown."""
        for picture in pictures:
            self._add(picture.data, 0, is_key=picture.is_idr)

    def add_copied(self, body: Sequence[Picture], spool: IO[bytes]) -> None:
        """Add pictures of the recording."""
        for number, picture in enumerate(body):
            spool.seek(picture.at)
            self._add(spool.read(picture.size), picture.frame - body[0].frame - number, is_key=picture.is_idr)

    def _add(self, data: bytes, later: int, *, is_key: bool) -> None:
        decoded, shown = self._count, self._count + DEPTH + later
        coded = Coded(round(1000 * decoded / self._fps), round(1000 * shown / self._fps), data)
        write_coded(self._file, coded, is_key=is_key)
        self._count += 1


def _spooled(recording: Recording, first: int, end: int, spool: IO[bytes], copying: Copying) -> list[Picture]:
    """The coded pictures from the frame `first` to `end` and a few beyond; their data is written to the spool."""
    return [Picture(frame, coded.is_idr, spool.tell(), spool.write(coded.without_sets))
            for frame, coded in _placed(recording, first, end + _BEYOND, copying)]


def _placed(recording: Recording, first: int, end: int, copying: Copying) -> Iterator[tuple[int, Coded]]:
    """Coded pictures in the order of decoding with the numbers of their frames, from the frame `first` on.

    They end at the frame `end`, or before the first picture that has other parameter sets or is not at its place.
    """
    origin_ms = (OFFSET_S + recording.video.start_s) * 1000
    with closing(coded_pictures(recording, first)) as coming:  # type: ignore[type-var]
        for coded in coming:
            if coded.is_sets:
                if not copying.sets.holds(ParameterSets.of(coded.data)):
                    return
                continue
            place = (coded.shown_ms - origin_ms) * recording.video.fps / 1000
            frame = round(place)
            if frame >= end or abs(place - frame) > _OFF_GRID or not copying.sets.fit(coded):
                return
            yield frame, coded


def _frame_at(recording: Recording, at_ms: int) -> int:
    """The number of the frame that is presented at a moment."""
    return round(presented_s(recording, at_ms) * recording.video.fps)


def _ms_of(recording: Recording, frame: int) -> int:
    """A moment at which the frame of this number is presented."""
    return math.ceil(frame * 1000 / recording.video.fps)


def _mux_argv(recording: Recording, pictures: Path, frames: int, target: Path, style: ClipStyle) -> list[str]:
    """The ffmpeg call that puts the pictures as they are beside the sound."""
    coded = ffmpeg.input(f"file:{pictures}", f="flv", protocol_whitelist="file").video
    clock = {"video_track_timescale": style.fps.numerator, "use_editlist": 0}
    output = ffmpeg.output(coded, sound_beside(recording, frames, style), f"file:{target}", f="mov", vcodec="copy",
                           **clock, **SOUND_AS_IT_IS, **BITEXACT)
    return graph.ffmpeg_argv(output, filter_threads=style.threads)
