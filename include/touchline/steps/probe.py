"""Read what the recordings of a match hold: picture, sound, length, and what the club noted beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from touchline.domain.layout import WorkFiles
from touchline.domain.recording import Recording
from touchline.errors import BadRecordingError, CommandError
from touchline.results.recordings import from_whole, refuse_other_content
from touchline.results.request import Request, load_request
from touchline.results.result import Outcome, reuse_or_compute
from touchline.seeing.camera import Small, goes_on, prepare, small_size
from touchline.settings import Settings
from touchline.sidecars.read import read_sidecar, sidecar_digest
from touchline.video.decode import decode_frames
from touchline.video.overlap import overlap_ms, without_end
from touchline.video.plain import recording_from_plain, recording_to_plain
from touchline.video.probe import probe_recording

VERSION = 4
"""Raise it when the same inputs would give another result."""
BORDER_MS = 400
"""So much is looked at on both sides of a border between recordings."""


def probe(match_id: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Write `probe.json`: the recordings and the sidecar, as in docs/files.md.

    Raises:
        BadRecordingError: a recording cannot be used, or is not the one that was registered.
        StorageError: a recording is away or cannot be read, or WORKING_DIR is full.
    """
    request = load_request(match_id, settings)
    files = WorkFiles(settings.working_dir, request.match_id)

    def probed(path: str, fingerprint: str) -> Recording:
        """Of several recordings each is kept: those that were there before are not read again when another comes."""
        if len(request.recordings) == 1:
            return probe_recording(Path(path), fingerprint)
        inputs = {"version": VERSION, "recording": path, "fingerprint": fingerprint}

        def alone() -> dict[str, Any]:
            found = from_whole([Path(path)], lambda: probe_recording(Path(path), fingerprint))
            refuse_other_content(Path(path), fingerprint)
            return recording_to_plain(found)

        kept = reuse_or_compute(files.probed(fingerprint), "probe", inputs, alone, force=force)
        return recording_from_plain(kept.result)

    def compute() -> Outcome:
        for path, registered in zip(request.recordings, request.fingerprints, strict=True):
            refuse_other_content(Path(path), registered)
        inputs = {
            "version": VERSION,
            "recordings": request.recordings,
            "fingerprints": request.fingerprints,
            "sidecar": sidecar_digest(Path(request.recordings[0])),
        }
        return reuse_or_compute(files.probe, "probe", inputs, lambda: _compute(request, probed), force=force)

    return from_whole([Path(path) for path in request.recordings], compute)


def _compute(request: Request, probed: Callable[[str, str], Recording]) -> dict[str, Any]:
    found = list(map(probed, request.recordings, request.fingerprints))
    recordings = _chapters(found) if request.is_provisional else _joined(found)
    _say_sound_tracks(recordings)
    sidecar = read_sidecar(Path(request.recordings[0]), [recording.duration_ms for recording in recordings])
    return {
        "recordings": [recording_to_plain(recording) for recording in recordings],
        "sidecar": sidecar,
        "stats": {"length_s": sum(recording.duration_ms for recording in recordings) / 1000},
    }


def _chapters(cut: Sequence[Recording]) -> list[Recording]:
    """What touchline cut from one recording goes on, and nothing of it is there twice."""
    return [*cut[:1], *(replace(recording, goes_on=True) for recording in cut[1:])]


def _joined(recordings: Sequence[Recording]) -> list[Recording]:
    """The same, with what each is to the one before it; what two have in common belongs to the second."""
    cut = [*(_without_overlap(*pair) for pair in pairwise(recordings)), recordings[-1]]
    return [*cut[:1], *(replace(after, goes_on=_goes_on(before, after)) for before, after in pairwise(cut))]


def _without_overlap(before: Recording, after: Recording) -> Recording:
    try:
        found_ms = overlap_ms(before, after)
    except CommandError:
        return before  # the step that listens says what is wrong with the sound
    if not found_ms:
        return before
    names = [Path(one.path).name for one in (after, before)]
    print(f"{names[0]!r} begins {found_ms / 1000:.1f} s before {names[1]!r} ends: these seconds count once")
    duration_ms = without_end(before, found_ms)
    return replace(before, duration_ms=duration_ms, overlap_ms=before.duration_ms - duration_ms)


def _goes_on(before: Recording, after: Recording) -> bool:
    """Whether the picture goes on from one recording to the next: chapters of one film do, halves do not."""
    try:
        ends = _smalls(before, max(0, before.duration_ms - BORDER_MS), before.duration_ms)
        begins = _smalls(after, 0, min(BORDER_MS, after.duration_ms))
    except (BadRecordingError, CommandError):
        return False  # the step that needs these frames says what is wrong with them
    return goes_on(ends, begins)


def _smalls(recording: Recording, start_ms: int, end_ms: int) -> list[Small]:
    width, height = small_size(recording.video.width, recording.video.height)
    return [prepare(frame.pixels) for frame in decode_frames(recording, start_ms, end_ms, fps=recording.video.fps,
                                                             width=width, height=height)]


def _say_sound_tracks(recordings: Sequence[Recording]) -> None:
    """One line for each recording with several: a commentary that is missed is looked for here."""
    for recording in recordings:
        if recording.audio and recording.audio.tracks > 1:
            which = f"sound track {recording.audio.track} of {recording.audio.tracks}"
            print(f"{Path(recording.path).name!r}: {which} is used, the first in which something is heard")
