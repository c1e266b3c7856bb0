"""What happens in one chunk of a match? Detector and spotter look at its hot windows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from touchline.domain.chunk import Chunk, HotWindow
from touchline.domain.layout import CHUNK_ID, ScratchFiles, WorkFiles
from touchline.domain.recording import Recording, Timeline
from touchline.errors import UsageError
from touchline.inference.detector import Detector
from touchline.inference.gpu_lease import leased_device
from touchline.inference.model_digest import checked_digest
from touchline.inference.read_ahead import ReadAhead
from touchline.inference.spotter import Spotter
from touchline.inference.views import view
from touchline.inference.windows import (
    Pixels,
    Sample,
    Stretch,
    frame_index,
    frame_ms,
    needed_frames,
    owned_moments,
    samples,
    stretches,
)
from touchline.progress import report
from touchline.results.recordings import from_nearest
from touchline.results.request import load_request
from touchline.results.result import Outcome, read_result, reuse_or_compute
from touchline.settings import Settings
from touchline.video.decode import decode_frames
from touchline.video.plain import recording_from_plain

VERSION = 2
"""Raise it when the same inputs would give another result."""
BATCH = 8
"""Moments that are looked at together. A moment's place in its batch follows from its match time alone."""
LEAST_SCORE = 0.05


@dataclass
class _Work:
    """What was found so far, and how long it took."""

    windows: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    frames: int = 0
    load_s: float = 0.0
    decode_wait_s: float = 0.0
    detect_s: float = 0.0
    spot_s: float = 0.0


def spot_chunk(match_id: str, chunk_id: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Write `spottings/<chunk_id>.json`: scores per window and what the detector saw, as in docs/files.md.

    Raises:
        UsageError: there is no such match or chunk.
        DamagedResultError: the results of `probe` or `plan_chunks` are missing.
        ModelError: a model cannot be loaded.
        StorageError: a recording is away or cannot be read, or WORKING_DIR is full.
    """
    load_request(match_id, settings)
    files = WorkFiles(settings.working_dir, match_id)
    plain = read_result(files.probe).result["recordings"]
    chunk = _find_chunk(read_result(files.chunks).result["chunks"], chunk_id, match_id)
    recordings = [recording_from_plain(one) for one in plain]
    inputs = {
        "version": VERSION,
        "recordings": [{key: value for key, value in one.items() if key != "path"} for one in plain],
        "chunk": asdict(chunk),
        "detector": checked_digest(settings.yolo_model_path),
        "spotter": checked_digest(settings.action_model_path),
        "max_workers": settings.max_workers,
    }
    scratch = ScratchFiles(settings.scratch_dir, match_id)

    def compute() -> dict[str, Any]:
        made = from_nearest(recordings, scratch, lambda near: _compute(chunk, near, settings))
        # The catalogue keeps these; the retention removes the result itself.
        made["stats"] |= {"detector": inputs["detector"], "spotter": inputs["spotter"]}
        return made

    return reuse_or_compute(files.spottings(chunk_id), "spot_chunk", inputs, compute, force=force)


def _find_chunk(chunks: list[dict[str, Any]], chunk_id: str, match_id: str) -> Chunk:
    if not CHUNK_ID.fullmatch(chunk_id):
        raise UsageError(f"{chunk_id!r} is not a chunk id: they look like chunk-0003")
    for one in chunks:
        if one["chunk_id"] == chunk_id:
            hot = tuple(HotWindow(start, end) for start, end in one["hot"])
            return Chunk(one["index"], one["start_ms"], one["end_ms"], hot)
    raise UsageError(f"{match_id} has no {chunk_id}: its chunks.json names the ones there are")


def _compute(chunk: Chunk, recordings: Sequence[Recording], settings: Settings) -> dict[str, Any]:
    timeline = Timeline(tuple(recording.duration_ms for recording in recordings))
    with leased_device(settings) as device:
        started = time.monotonic()
        spotter = Spotter(settings.action_model_path, settings, device, batch=BATCH)
        moments = owned_moments(chunk, spotter.stride_ms)
        if not moments:
            return {"windows": [], "views": [], "stats": {"frames": 0, "device": str(device)}}
        detector = Detector(settings.yolo_model_path, settings, device, batch=BATCH)
        work = _Work(load_s=time.monotonic() - started)
        for stretch in stretches(moments, spotter.stride_ms, timeline):
            frames = _decoded(stretch, recordings[stretch.recording], timeline, detector, spotter, settings)
            with ReadAhead(frames) as ahead:
                for batch in _batches(_samples(ahead, stretch, timeline, spotter), spotter.stride_ms):
                    _look(batch, detector, spotter, work)
                    report("spot_chunk", len(work.windows) / len(moments), chunk.chunk_id)
            work.decode_wait_s += ahead.waited_s
            work.frames += ahead.items
    return {"windows": work.windows, "views": work.views, "stats": _stats(work, detector, spotter)}


def _centres(stretch: Stretch, timeline: Timeline, fps: Fraction) -> list[int]:
    offset = timeline.offset_ms(stretch.recording)
    return [frame_index(moment - offset, fps) for moment in stretch.moments_ms]


def _decoded(stretch: Stretch, recording: Recording, timeline: Timeline, detector: Detector, spotter: Spotter,
             settings: Settings) -> Iterator[tuple[int, Pixels]]:
    """All frames that a stretch needs, once, as (index on the grid, pixels at the detector's size)."""
    first, last = needed_frames(_centres(stretch, timeline, spotter.fps), spotter.frames)
    width, height = _decode_size(recording, detector.size_px)
    end_ms = min(frame_ms(last + 1, spotter.fps), recording.duration_ms)
    for frame in decode_frames(recording, frame_ms(first, spotter.fps), end_ms, fps=spotter.fps, width=width,
                               height=height, threads=settings.max_workers):
        yield frame_index(frame.recording_ms, spotter.fps), frame.pixels


def _decode_size(recording: Recording, longest_px: int) -> tuple[int, int]:
    """Width and height, even, no larger than the recording or the detector's input."""
    scale = min(1.0, longest_px / max(recording.video.width, recording.video.height))
    return tuple(max(2, round(side * scale / 2) * 2)  # type: ignore[return-value]
                 for side in (recording.video.width, recording.video.height))


def _samples(frames: ReadAhead[tuple[int, Pixels]], stretch: Stretch, timeline: Timeline,
             spotter: Spotter) -> Iterator[Sample]:
    centres = _centres(stretch, timeline, spotter.fps)
    return samples(frames, stretch.moments_ms, centres, spotter.frames, spotter.size)


def _batches(found: Iterator[Sample], stride_ms: int) -> Iterator[list[Sample | None]]:
    """Group samples so that each has the place in its batch that its match time gives it; None where none is."""
    number, batch = -1, _empty()
    for sample in found:
        moment = sample.match_ms // stride_ms
        if moment // BATCH != number:
            if number >= 0:
                yield batch
            number, batch = moment // BATCH, _empty()
        batch[moment % BATCH] = sample
    if number >= 0:
        yield batch


def _empty() -> list[Sample | None]:
    return [None] * BATCH


def _look(batch: list[Sample | None], detector: Detector, spotter: Spotter, work: _Work) -> None:
    """Show one batch to both models; empty places are filled with black, so that the shape is always the same."""
    some = next(sample for sample in batch if sample)
    started = time.monotonic()
    scores = spotter.spot(sample.window if sample else np.zeros_like(some.window) for sample in batch)
    spotted = time.monotonic()
    detections = detector.detect([sample.frame if sample else np.zeros_like(some.frame) for sample in batch])
    work.spot_s += spotted - started
    work.detect_s += time.monotonic() - spotted
    for sample, row, seen in zip(batch, scores.tolist(), detections, strict=True):
        if sample:
            likely = {label: round(score, 3) for label, score in zip(spotter.labels, row, strict=True)
                      if round(score, 3) >= LEAST_SCORE}
            work.windows.append({"match_ms": sample.match_ms, "scores": likely})
            work.views.append(view(sample.match_ms, seen))


def _stats(work: _Work, detector: Detector, spotter: Spotter) -> dict[str, Any]:
    moments = len(work.windows)
    return {
        "frames": work.frames,
        "windows": moments,
        "load_s": round(work.load_s, 3),
        "decode_wait_s": round(work.decode_wait_s, 3),
        "detector_frames_per_s": round(moments / work.detect_s, 2) if work.detect_s else 0.0,
        "spotter_windows_per_s": round(moments / work.spot_s, 2) if work.spot_s else 0.0,
        "device": spotter.device if spotter.device == detector.device else f"{spotter.device}, {detector.device}",
    }
