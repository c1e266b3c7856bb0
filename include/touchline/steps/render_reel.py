"""Render and check one reel: cut its clips, join them, verify the video, take a thumbnail of each clip."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from touchline.domain.clip import Clip
from touchline.domain.layout import ScratchFiles, WorkFiles
from touchline.errors import BadRecordingError, CommandError, DamagedResultError, UsageError
from touchline.progress import report
from touchline.reels.render import (
    Cut,
    Workshop,
    cut_clips,
    find_cuts,
    frames_of,
    joined,
    milliseconds,
    moment_ms,
    widened_cuts,
)
from touchline.reels.rules import load_rules
from touchline.reels.style import choose_style
from touchline.results.files import file_digest, folder_of, holds, remove_leftovers, remove_tree, replacing
from touchline.results.recordings import from_nearest
from touchline.results.request import load_request
from touchline.results.result import Outcome, read_result, reuse_or_compute
from touchline.results.thumbnails import has_thumbnails, is_thumbnail
from touchline.settings import Settings
from touchline.steps.plan_reels import action_from_plain, clip_from_plain
from touchline.video.coded import NotCopyableError
from touchline.video.decode import grab_frame
from touchline.video.edges import find_copying
from touchline.video.encoder import COPY, choose_encoder
from touchline.video.plain import recording_from_plain

VERSION = 6
THUMBNAIL_PX = 320
_COPY_BYTES = 1 << 20


def render_reel(match_id: str, reel: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Write `reels/<reel>.mp4`, its thumbnails and its result; a reel without clips is a result without video.

    Raises:
        UsageError: the request does not ask for this reel.
        DamagedResultError: an earlier result is missing or damaged.
        BadRecordingError: a recording cannot be decoded where a clip lies.
        StorageError: a recording is away, or a folder is full: finished clips stay in SCRATCH_DIR for the next try.
        BadRecordingError: the finished video failed its check twice.
    """
    request = load_request(match_id, settings)
    if reel not in request.reels:
        raise UsageError(f"{reel!r} is not a reel of this match: use {', '.join(request.reels)}")
    files = WorkFiles(settings.working_dir, request.match_id)
    planned = read_result(files.reels).result["reels"]
    if reel not in planned:
        raise DamagedResultError(f"{files.reels} does not plan {reel!r}: run plan-reels again")
    clips = [clip_from_plain(item) for item in planned[reel]]
    recordings = [recording_from_plain(item) for item in read_result(files.probe).result["recordings"]]
    encoder = choose_encoder(settings)
    style = choose_style(recordings[0], encoder, settings.output_crf, settings.max_workers)
    shop = Workshop(
        recordings, ScratchFiles(settings.scratch_dir, request.match_id), style, settings.render_timeout_sec,
        earlier_ms=settings.output_start_earlier_sec * 1000,
    )
    inputs = {
        "version": VERSION,
        "clips": [asdict(clip) for clip in clips],
        "recordings": [[recording.fingerprint, recording.duration_ms] for recording in recordings],
        "style": {**asdict(style), "fps": str(style.fps)},
        "copy": settings.output_codec == COPY,
        "earlier_sec": settings.output_start_earlier_sec,
        "thumbnail_px": THUMBNAIL_PX,
    }

    def compute() -> dict[str, object]:
        if not clips:
            return _nothing(reel, files)
        make = _copy if settings.output_codec == COPY else _render
        return from_nearest(recordings, shop.scratch,
                            lambda near: make(reel, clips, replace(shop, recordings=near), files))

    def check(result: Mapping[str, Any]) -> bool:
        return is_whole(result, files)

    outcome = reuse_or_compute(files.reel(reel), "render_reel", inputs, compute, force=force, check=check)
    report("render_reel", 1.0, reel)
    print(_summary(outcome.result))
    return outcome


def is_whole(result: Mapping[str, Any], files: WorkFiles) -> bool:
    """Whether the video and thumbnails of a reel's result are there and the video is unchanged."""
    video = files.reel_video(result["name"])
    if not result["clips"]:
        return not video.exists()
    return has_thumbnails(result, files) and holds(video, result["sha256"], result["size_bytes"])


def _copy(reel: str, clips: Sequence[Clip], shop: Workshop, files: WorkFiles) -> dict[str, object]:
    """Copy the pictures where that gives a whole reel, else encode them."""
    used = sorted({cut.recording for cut in find_cuts(clips, shop.timeline)})
    try:
        copying = find_copying([shop.recordings[number] for number in used], shop.style)
        return _render(reel, clips, replace(shop, copying=copying), files)
    except (NotCopyableError, BadRecordingError, CommandError) as error:
        print(f"{reel}: pictures are encoded, not copied: {error}")
    return _render(reel, clips, shop, files)


def _render(reel: str, clips: Sequence[Clip], shop: Workshop, files: WorkFiles) -> dict[str, object]:
    started, video = time.monotonic(), files.reel_video(reel)
    cuts = widened_cuts(find_cuts(clips, shop.timeline), shop)

    def progress(done: int, fraction: float) -> None:
        report("render_reel", fraction, f"{reel} {done}/{len(cuts)} cuts")

    made = cut_clips(cuts, shop, progress)
    cut_s = time.monotonic() - started
    thumbnails = _take_thumbnails(reel, cuts, shop, files)
    remove_leftovers(video)
    video.unlink(missing_ok=True)  # it is outdated: its space may be what the new one needs
    with joined(reel, cuts, shop) as joined_video, replacing(video) as file, joined_video.open("rb") as made_video:
        shutil.copyfileobj(made_video, file, _COPY_BYTES)
    frames = frames_of(cuts, shop)
    return {
        "name": reel,
        "frames": sum(frames),
        "duration_ms": milliseconds(sum(frames), shop.style.fps),
        "sha256": file_digest(video),
        "size_bytes": video.stat().st_size,
        "clips": _described(cuts, frames, shop),
        "thumbnails": thumbnails,
        "stats": {"frames": sum(frames), "clips": len(clips), "clips_cut": made, "cut_s": round(cut_s, 3),
                  "copied": shop.copying is not None},
    }


def _nothing(reel: str, files: WorkFiles) -> dict[str, object]:
    files.reel_video(reel).unlink(missing_ok=True)
    remove_tree(files.thumbnails(reel))
    return {
        "name": reel,
        "frames": 0,
        "duration_ms": 0,
        "sha256": None,
        "size_bytes": 0,
        "clips": [],
        "thumbnails": [],
        "stats": {"frames": 0, "clips": 0, "clips_cut": 0},
    }


def _described(cuts: Sequence[Cut], frames: Sequence[int], shop: Workshop) -> list[dict[str, object]]:
    """Each clip, and where its first cut lies."""
    described = []
    for number, cut in enumerate(cuts):
        if number and cut.clip == cuts[number - 1].clip:
            continue
        described.append(
            {
                "clip_id": cut.clip.clip_id,
                "recording": cut.recording,
                "recording_start_ms": cut.start_ms,
                "start_ms": cut.clip.start_ms,
                "end_ms": cut.clip.end_ms,
                "reel_start_ms": milliseconds(sum(frames[:number]), shop.style.fps),
                "label": cut.clip.label,
                "labels": list(cut.clip.labels),
                "confidence": cut.clip.confidence,
            }
        )
    return described


def _take_thumbnails(reel: str, cuts: Sequence[Cut], shop: Workshop, files: WorkFiles) -> list[str]:
    """One JPEG per clip, named by it; those of an earlier plan are removed."""
    folder, rules = files.thumbnails(reel), load_rules()
    actions = [action_from_plain(item) for item in read_result(files.actions).result["actions"]]
    clips = list(dict.fromkeys(cut.clip for cut in cuts))
    names = [f"{clip.clip_id}.jpg" for clip in clips]
    for clip, name in zip(clips, names, strict=True):
        recording, recording_ms = shop.timeline.locate(moment_ms(clip, actions, rules))
        picture = grab_frame(shop.recordings[recording], recording_ms, THUMBNAIL_PX)
        with replacing(folder / name) as file:
            file.write(picture)
    _remove_others(folder, names)
    return names


def _remove_others(folder: Path, names: Sequence[str]) -> None:
    with folder_of(folder / "any") as opened:
        for name in opened.names():
            if name not in names and is_thumbnail(name):
                opened.unlink(name)


def _summary(result: Mapping[str, Any]) -> str:
    if not result["clips"]:
        return f"{result['name']}: no clips, so no video"
    return f"{result['name']}: {len(result['clips'])} clips, {result['duration_ms'] / 1000:.1f} s"
