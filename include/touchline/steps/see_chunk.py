"""The work of `spot_chunk`: decode the hot windows of one chunk, look at each step, score each window."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from touchline.domain.chunk import Chunk
from touchline.domain.recording import Recording, Timeline
from touchline.inference.chunk_overlap import frames_of_the_one_before, looked_frames, watched_frames
from touchline.inference.clip_model import ClipModel
from touchline.inference.detector import Detector
from touchline.inference.gpu_lease import leased_device
from touchline.inference.look import LOOK_FRAMES, look, look_size, stills
from touchline.inference.places import placed
from touchline.inference.read_ahead import ReadAhead
from touchline.inference.windows import (
    Pixels,
    Sample,
    Stretch,
    frame_index,
    frame_ms,
    owned_moments,
    samples,
    stretches,
)
from touchline.progress import report
from touchline.seeing.camera import small_size
from touchline.seeing.glance import plain_glance
from touchline.seeing.sight import STEP_MS
from touchline.seeing.table import seeing_table
from touchline.settings import Settings
from touchline.video.decode import decode_frames, decode_two_sizes
from touchline.video.ffmpeg_graph import Grid

BATCH = 8
"""Moments that are looked at together. A moment's place in its batch follows from its match time alone."""
LEAST_SCORE = 0.05
CLIP_PX = 640
"""Longest side at which frames are decoded for the clip model, which takes smaller ones."""


Decoded = TypeVar("Decoded")


@dataclass
class _Work:
    """What was found so far, of how many steps and windows, and how long it took."""

    chunk_id: str
    moments: int
    glances: list[dict[str, Any]] = field(default_factory=list)
    windows: list[dict[str, Any]] = field(default_factory=list)
    frames: int = 0
    load_s: float = 0.0
    decode_wait_s: float = 0.0
    detect_s: float = 0.0
    clip_s: float = 0.0

    def report(self) -> None:
        report("spot_chunk", (len(self.glances) + len(self.windows)) / self.moments, self.chunk_id)


@dataclass(frozen=True)
class Film:
    """The recording in which a chunk lies, where it begins on the match's clock, and how many threads decode it.

    `before`: the recording that it goes on from, where the chunk is its first one.
    """

    recording: Recording
    offset_ms: int
    threads: int
    before: Recording | None = None

    def centres(self, stretch: Stretch, fps: Fraction) -> list[int]:
        """The frames on the grid of the recording that show the moments of a stretch."""
        return [frame_index(moment - self.offset_ms, fps) for moment in stretch.moments_ms]

    def looked_at(self, stretch: Stretch, fps: Fraction) -> Iterator[tuple[int, Pixels, Pixels | None]]:
        """The frames of the grid for `stills`."""
        centres = self.centres(stretch, fps)
        first, last = looked_frames(stretch, centres)
        size = look_size(self.recording)
        if self.before and (count := frames_of_the_one_before(centres)):
            yield from _last_frames(self.before, count, fps, small_size(*size), self.threads)
        grid = Grid(fps, first, last + 1)
        yield from decode_two_sizes(self.recording, grid, small=small_size(*size), full=size, every=LOOK_FRAMES,
                                    threads=self.threads)

    def decoded(self, frames: tuple[int, int], fps: Fraction,
                size: tuple[int, int]) -> Iterator[tuple[int, Pixels]]:
        """The first to the last of these frames of the grid as (index, pixels), at `size` (width, height)."""
        end_ms = min(frame_ms(frames[1] + 1, fps), self.recording.duration_ms)
        for frame in decode_frames(self.recording, frame_ms(frames[0], fps), end_ms, fps=fps, width=size[0],
                                   height=size[1], threads=self.threads):
            yield frame_index(frame.recording_ms, fps), frame.pixels


def _last_frames(recording: Recording, count: int, fps: Fraction, size: tuple[int, int],
                 threads: int) -> Iterator[tuple[int, Pixels, None]]:
    """The last frames of the grid, counted from the recording's end: -1 is the last one."""
    end = -(-recording.duration_ms * fps // 1000)
    first = max(0, end - count)
    for frame in decode_frames(recording, frame_ms(first, fps), recording.duration_ms, fps=fps, width=size[0],
                               height=size[1], threads=threads):
        yield frame_index(frame.recording_ms, fps) - end, frame.pixels, None


def see_chunk(chunk: Chunk, film: Film, timeline: Timeline, settings: Settings) -> dict[str, Any]:
    """A glance for each step of the hot windows, scores for each window of the clip model, and how long that took."""
    steps = owned_moments(chunk, STEP_MS)
    if not steps:
        return {"glances": [], "windows": [], "stats": {"frames": 0}}
    with leased_device(settings) as device:
        started = time.monotonic()
        detector = Detector(settings.yolo_model_path, settings, device, batch=BATCH,
                            least_ball_score=seeing_table("ball")["least_score"])
        path = settings.action_model_path
        clip_model = ClipModel(path, settings, device, batch=BATCH) if path else None
        centres = owned_moments(chunk, clip_model.stride_ms) if clip_model else []
        work = _Work(chunk.chunk_id, len(steps) + len(centres), load_s=time.monotonic() - started)
        for stretch in stretches(steps, STEP_MS, timeline):
            _look(film, stretch, detector, work)
        if clip_model:
            for stretch in stretches(centres, clip_model.stride_ms, timeline):
                _watch(film, stretch, clip_model, work)
    return {"glances": work.glances, "windows": work.windows, "stats": _stats(work, detector, clip_model)}


def _look(film: Film, stretch: Stretch, detector: Detector, work: _Work) -> None:
    """Add a glance for each step of a stretch."""
    fps = Fraction(seeing_table("motion")["fps"])
    moments = dict(zip(film.centres(stretch, fps), stretch.moments_ms, strict=True))
    started = time.monotonic()
    with ReadAhead(stills(_counted(film.looked_at(stretch, fps), work), moments)) as ahead:
        for number, glance in enumerate(look(ahead, detector), 1):
            work.glances.append(plain_glance(glance))
            if number % BATCH == 0 or number == len(moments):
                work.report()
    work.decode_wait_s += ahead.waited_s
    work.detect_s += time.monotonic() - started - ahead.waited_s


def _watch(film: Film, stretch: Stretch, clip_model: ClipModel, work: _Work) -> None:
    """Add the clip model's scores for each window of a stretch."""
    centres = film.centres(stretch, clip_model.fps)
    wanted = watched_frames(centres, clip_model.frames)
    size = look_size(film.recording, CLIP_PX)
    with ReadAhead(_counted(film.decoded(wanted, clip_model.fps, size), work)) as ahead:
        shown = samples(ahead, stretch.moments_ms, centres, clip_model.frames, clip_model.size)
        for batch in placed(shown, lambda sample: sample.match_ms // clip_model.stride_ms, BATCH):
            started = time.monotonic()
            work.windows += _scored(batch, clip_model)
            work.clip_s += time.monotonic() - started
            work.report()
    work.decode_wait_s += ahead.waited_s


def _counted(frames: Iterator[Decoded], work: _Work) -> Iterator[Decoded]:
    for frame in frames:
        work.frames += 1
        yield frame


def _scored(batch: list[Sample | None], clip_model: ClipModel) -> Iterator[dict[str, Any]]:
    """Empty places are filled with black, so that the shape is always the same."""
    black = np.zeros_like(next(sample.window for sample in batch if sample))
    scores = clip_model.spot(sample.window if sample else black for sample in batch)
    for sample, row in zip(batch, scores.tolist(), strict=True):
        if sample:
            likely = {label: round(score, 3) for label, score in zip(clip_model.labels, row, strict=True)
                      if round(score, 3) >= LEAST_SCORE}
            yield {"match_ms": sample.match_ms, "scores": likely}


def _stats(work: _Work, detector: Detector, clip_model: ClipModel | None) -> dict[str, Any]:
    devices = {detector.device, clip_model.device} if clip_model else {detector.device}
    return {
        "frames": work.frames,
        "steps": len(work.glances),
        "windows": len(work.windows),
        "load_s": round(work.load_s, 3),
        "decode_wait_s": round(work.decode_wait_s, 3),
        "detector_frames_per_s": _rate(sum(one["looked"] for one in work.glances), work.detect_s),
        "clip_windows_per_s": _rate(len(work.windows), work.clip_s),
        "device": ", ".join(sorted(devices)),
    }


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 2) if seconds else 0.0
