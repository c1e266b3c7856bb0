"""Which frames belong to which window?

Windows have their centres at multiples of the stride in match time, whatever the chunk is, so the same moment gets the
same frames from every chunk. Frames come from the recording that holds the centre; where a window reaches over its
beginning or end, the first or last frame is repeated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from touchline.domain.chunk import Chunk
from touchline.domain.recording import Recording, Timeline

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Stretch:
    """Moments of one recording that follow each other without a gap: they are decoded in one go."""

    recording: int
    moments_ms: tuple[int, ...]


@dataclass(frozen=True)
class Sample:
    """What the clip model sees of one moment: a window of frames [T, h, w, 3]."""

    match_ms: int
    window: Pixels


def owned_moments(chunk: Chunk, stride_ms: int) -> list[int]:
    """Multiples of the stride that the chunk owns: in [start_ms, end_ms) and in one of its hot windows."""
    first = -(-chunk.start_ms // stride_ms) * stride_ms
    return [moment for moment in range(first, chunk.end_ms, stride_ms)
            if any(hot.start_ms <= moment < hot.end_ms for hot in chunk.hot)]


def stretches(moments_ms: Sequence[int], stride_ms: int, timeline: Timeline) -> list[Stretch]:
    """Group moments that are one stride apart and lie in one recording; those outside the match are left out."""
    groups: list[tuple[int, list[int]]] = []
    for moment in moments_ms:
        if not 0 <= moment < timeline.duration_ms:
            continue
        recording, _ = timeline.locate(moment)
        if groups and groups[-1][0] == recording and groups[-1][1][-1] == moment - stride_ms:
            groups[-1][1].append(moment)
        else:
            groups.append((recording, [moment]))
    return [Stretch(recording, tuple(found)) for recording, found in groups]


def joined(found: Sequence[Stretch], stride_ms: int, recordings: Sequence[Recording]) -> list[Stretch]:
    """Stretches that meet at a border over which the picture goes on become one, of the first one's recording."""
    whole: list[Stretch] = []
    for stretch in found:
        last = whole[-1] if whole else None
        if last and recordings[stretch.recording].goes_on and stretch.moments_ms[0] - last.moments_ms[-1] == stride_ms:
            whole[-1] = Stretch(last.recording, last.moments_ms + stretch.moments_ms)
        else:
            whole.append(stretch)
    return whole


def frame_index(recording_ms: int, fps: Fraction) -> int:
    """The frame of the grid k/fps that is nearest to a time; halves go up."""
    return int(recording_ms * fps / 1000 + Fraction(1, 2))


def frame_ms(index: int, fps: Fraction) -> int:
    """Time of a frame of the grid, rounded down to milliseconds."""
    return int(index * 1000 / fps)


def window_frames(centre: int, length: int) -> range:
    """The frames of the grid in the window of `length` frames around a centre."""
    return range(centre - length // 2, centre - length // 2 + length)


def samples(frames: Iterable[tuple[int, Pixels]], moments_ms: Sequence[int], centres: Sequence[int], length: int,
            size: tuple[int, int]) -> Iterator[Sample]:
    """Cut a stream of (index, frame) into one sample per moment, in order; holds only the frames of one window.

    Args:
        frames: ascending indices of the grid.
        moments_ms: match times, ascending.
        centres: their frames on the grid.
        length: frames of a window.
        size: height and width of the window's frames.
    """
    small: deque[tuple[int, Pixels]] = deque(maxlen=length)
    pending = deque(zip(moments_ms, centres, strict=True))
    for index, pixels in frames:
        small.append((index, fit(pixels, size)))
        while pending and index >= window_frames(pending[0][1], length)[-1]:
            moment, centre = pending.popleft()
            yield Sample(moment, _window(small, centre, length))
    while pending and small:
        moment, centre = pending.popleft()
        yield Sample(moment, _window(small, centre, length))


def fit(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Scale a frame [H, W, 3] into `size` (height, width); another shape of picture gets black bars."""
    import cv2

    height, width = pixels.shape[:2]
    if (height, width) == size:
        return pixels
    scale = min(size[0] / height, size[1] / width)
    inner = (min(size[1], round(width * scale)), min(size[0], round(height * scale)))
    if size[1] - inner[0] <= 2 and size[0] - inner[1] <= 2:
        inner = (size[1], size[0])  # 16:9 in whole pixels is not exactly 16:9
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(pixels, inner, interpolation=method)
    if inner == (size[1], size[0]):
        return scaled
    picture = np.zeros((*size, 3), np.uint8)
    left, top = (size[1] - inner[0]) // 2, (size[0] - inner[1]) // 2
    picture[top : top + inner[1], left : left + inner[0]] = scaled
    return picture


def _window(held: Sequence[tuple[int, Pixels]], centre: int, length: int) -> Pixels:
    """Frames around `centre`; what is not held any more or yet is replaced by the nearest held frame."""
    first, last = held[0][0], held[-1][0]
    by_index = dict(held)
    latest = held[0][1]
    frames = []
    for index in window_frames(centre, length):
        latest = by_index.get(min(max(index, first), last), latest)
        frames.append(latest)
    return np.stack(frames)
