"""How does a planned reel become one video file? Each clip is cut once per host, then all are joined and checked."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

from touchline.domain.action import Action
from touchline.domain.clip import Clip
from touchline.domain.layout import ScratchFiles
from touchline.domain.recording import Recording, Timeline
from touchline.errors import BadRecordingError, StorageError, TouchlineError
from touchline.reels.plan import leading_action
from touchline.reels.rules import ClipRules
from touchline.reels.shared import locked, make_once
from touchline.storage import reading, writing
from touchline.video.concat import concat_clips
from touchline.video.copied import DEPTH, cut_copied, widened
from touchline.video.cut import ClipStyle, clip_frames, cut_clip
from touchline.video.edges import Copying
from touchline.video.verify import verify_video

_LEAST_PIECE_MS = 100
"""Less of a clip beyond the border of two recordings is left out: it may not have a frame."""
_CUTTING = 0.85
"""Share of a reel's time that cutting takes; the rest is joining and checking. For the progress only."""


@dataclass(frozen=True)
class Cut:
    """A clip and where it, or a piece of it, lies: the index of a recording, and times of it in milliseconds."""

    clip: Clip
    recording: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Workshop:
    """Where and how clips are made: the match's recordings, scratch files, style, limit per ffmpeg run in seconds.

    With `copying`, pictures are copied and only the edges of clips are encoded; then clips may start `earlier_ms`
    milliseconds earlier.
    """

    recordings: Sequence[Recording]
    scratch: ScratchFiles
    style: ClipStyle
    timeout_s: float
    copying: Copying | None = None
    earlier_ms: int = 0

    @property
    def timeline(self) -> Timeline:
        """The match's clock over its recordings."""
        return Timeline.of(self.recordings)

    def clip_path(self, cut: Cut) -> Path:
        """The file of a cut; its name holds all that decides its content."""
        content = {
            "recording": self.recordings[cut.recording].fingerprint,
            "span_ms": [cut.start_ms, cut.end_ms],
            "style": {**asdict(self.style), "fps": str(self.style.fps)},
            "copying": self.copying and self.copying.sets.record.hex(),
        }
        fingerprint = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return self.scratch.clip(cut.clip.clip_id, fingerprint, ".mov" if self.copying else ".mkv")


def find_cuts(clips: Sequence[Clip], timeline: Timeline) -> list[Cut]:
    """Map clips on the match timeline to their recordings: a clip that crosses a border has a cut in each.

    Raises:
        ValueError: a clip lies outside the match.
    """
    cuts = []
    for clip in clips:
        spans = timeline.spans(clip.start_ms, clip.end_ms)
        if not spans:
            raise ValueError(f"{clip.clip_id} lies outside the match")
        seen = [span for span in spans if span.end_ms - span.start_ms >= _LEAST_PIECE_MS] or spans
        cuts += [Cut(clip, span.recording, span.start_ms, span.end_ms) for span in seen]
    return cuts


def widened_cuts(cuts: Sequence[Cut], shop: Workshop) -> list[Cut]:
    """The cuts where each may start earlier, at a picture that can be copied, and end a few frames later.

    None reaches into the one before or after it. Without `copying` or `earlier_ms` they stay as they are.
    """
    if not shop.copying or not shop.earlier_ms:
        return list(cuts)
    found = list[Cut]()
    for cut, after in zip_longest(cuts, cuts[1:]):
        recording = shop.recordings[cut.recording]
        earliest_ms, latest_ms = max(0, cut.start_ms - shop.earlier_ms), recording.duration_ms
        if found and found[-1].recording == cut.recording and found[-1].end_ms <= cut.start_ms:
            earliest_ms = max(earliest_ms, found[-1].end_ms)
        if after and after.recording == cut.recording and cut.end_ms <= after.start_ms:
            latest_ms = after.start_ms
        start_ms, end_ms = widened(recording, cut.start_ms, cut.end_ms, (earliest_ms, latest_ms), shop.copying)
        found.append(replace(cut, start_ms=start_ms, end_ms=end_ms))
    return [replace(new, clip=_clip_of(new.clip, cuts, found)) for new in found]


def _clip_of(clip: Clip, planned: Sequence[Cut], found: Sequence[Cut]) -> Clip:
    """The clip as its first and last cut have it now."""
    pairs = [(old, new) for old, new in zip(planned, found, strict=True) if old.clip == clip]
    (old_first, first), (old_last, last) = pairs[0], pairs[-1]
    return replace(clip, start_ms=clip.start_ms + first.start_ms - old_first.start_ms,
                   end_ms=clip.end_ms + last.end_ms - old_last.end_ms)


def cut_clips(cuts: Sequence[Cut], shop: Workshop, progress: Callable[[int, float], None]) -> int:
    """Make the cuts that are not there; returns how many were.

    `progress` gets the number of cuts done and the share of the whole reel, 0…1.
    """
    made, done_ms = 0, 0
    total_ms = sum(cut.end_ms - cut.start_ms for cut in cuts)
    for number, cut in enumerate(cuts, start=1):
        made += make_once(shop.clip_path(cut), functools.partial(_cut, cut, shop))
        done_ms += cut.end_ms - cut.start_ms
        progress(number, _CUTTING * done_ms / total_ms)
    return made


def _cut(cut: Cut, shop: Workshop, target: Path) -> None:
    recording = shop.recordings[cut.recording]
    if shop.copying:
        cut_copied(recording, cut.start_ms, cut.end_ms, target, shop.copying, timeout_s=shop.timeout_s)
    else:
        cut_clip(recording, cut.start_ms, cut.end_ms, target, shop.style, timeout_s=shop.timeout_s)


@contextmanager
def joined(name: str, cuts: Sequence[Cut], shop: Workshop) -> Iterator[Path]:
    """Join the clips to a checked video in scratch, which is removed at the end of the block.

    Raises:
        BadRecordingError: the reel does not decode cleanly or has another length; its clips are removed, so that a
            second try cuts them again. What fails twice would fail for ever.
        StorageError: scratch is full or cannot be written; the clips stay for the retry.
    """
    paths = [shop.clip_path(cut) for cut in cuts]
    folder = shop.scratch.root / f"join-{name}"
    with locked(folder):
        shutil.rmtree(folder, ignore_errors=True)
        with writing(folder):
            folder.mkdir(parents=True)
        try:
            target = folder / f"{name}.mp4"
            _join(paths, target, sum(frames_of(cuts, shop)), shop)
            yield target
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _join(paths: Sequence[Path], target: Path, frames: int, shop: Workshop) -> None:
    try:
        with writing(target):
            depth = DEPTH if shop.copying else 0
            concat_clips(paths, target, shop.style.fps, depth=depth, timeout_s=shop.timeout_s)
        with reading(target):
            verify_video(target, frames, milliseconds(frames, shop.style.fps))
    except StorageError:
        raise
    except TouchlineError as error:
        for path in paths:
            path.unlink(missing_ok=True)
        names = " and ".join(Path(recording.path).name for recording in shop.recordings)
        raise BadRecordingError(f"no whole reel comes out of {names}: {error}; export the recording again") from error


def frames_of(cuts: Sequence[Cut], shop: Workshop) -> list[int]:
    """Number of frames of each cut."""
    return [clip_frames(shop.recordings[cut.recording], cut.start_ms, cut.end_ms, shop.style) for cut in cuts]


def milliseconds(frames: int, fps: Fraction) -> int:
    """Length of this many frames, rounded."""
    return round(1000 * frames / fps)


def moment_ms(clip: Clip, actions: Sequence[Action], rules: ClipRules) -> int:
    """Match time of what the clip's thumbnail shows: its leading action, or the middle of a clip without one."""
    inside = [
        action for action in actions if clip.start_ms <= action.match_ms <= clip.end_ms and action.label in clip.labels
    ]
    return leading_action(inside, rules).match_ms if inside else (clip.start_ms + clip.end_ms) // 2
