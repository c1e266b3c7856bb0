"""Cut what has come of a recording that is still written: one more chapter of its provisional match."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from touchline.domain.layout import ScratchFiles, WorkFiles
from touchline.errors import TouchlineError
from touchline.results.files import folder_of, replacing
from touchline.results.fingerprint import fingerprint_of
from touchline.results.growing import Chapter, Growing, chapter_name, growing_match_id, load_growing, save_growing
from touchline.results.request import refuse_control_characters
from touchline.settings import Settings
from touchline.sidecars.read import MOST
from touchline.storage import reading, writing
from touchline.video.demuxer import refuse_special
from touchline.video.growing import cut_next

_COPY_BYTES = 1 << 22


def cut_chapter(recording: Path, settings: Settings) -> Growing | None:
    """Cut one chapter, where enough has come for it.

    Returns all that was cut so far; None while too little of the recording is there to tell it from another.

    Raises:
        BadRecordingError: it cannot be read while it is written, or is no video.
        StorageError: it is away, or WORKING_DIR or SCRATCH_DIR is full.
        TouchlineError: another process cuts it now.
    """
    refuse_control_characters(recording)
    refuse_special(recording)
    match_id = growing_match_id(recording)
    if match_id is None:
        return None
    files = WorkFiles(settings.working_dir, match_id)
    with folder_of(files.growing, make=True) as folder:
        try:
            with folder.alone("cutting.lock"):
                return _with_next(load_growing(files, recording), files, settings)
        except BlockingIOError:
            raise TouchlineError(f"{recording} is being cut by another touchline: wait until it ends") from None


def _with_next(growing: Growing, files: WorkFiles, settings: Settings) -> Growing:
    recording = Path(growing.recording)
    with reading(recording):
        size_bytes = recording.stat().st_size
    if len(growing.chapters) >= MOST["recordings"] or not growing.is_due(size_bytes, settings):
        return growing
    scratch = ScratchFiles(settings.scratch_dir, files.match_id).root
    name = chapter_name(recording, len(growing.chapters) + 1)
    with writing(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
    part, made = scratch / "growing.part", scratch / "chapter.mkv"
    try:
        cut = cut_next(recording, growing.following, growing.least_s(settings), made, part)
        if cut is None:
            save_growing(files, replace(growing, tried_bytes=size_bytes))
            return growing
        chapter = Chapter(name, _kept(made, files.chapter(name)))
    finally:
        made.unlink(missing_ok=True)
    grown = replace(growing, chapters=(*growing.chapters, chapter), following=cut.following,
                    begin_us=growing.begin_us if growing.chapters else cut.begin_us)
    save_growing(files, grown)
    return grown


def _kept(made: Path, chapter: Path) -> str:
    """Put a chapter into WORKING_DIR; returns its fingerprint."""
    with made.open("rb") as source, replacing(chapter) as target:
        shutil.copyfileobj(source, target, _COPY_BYTES)
        return fingerprint_of(target)
