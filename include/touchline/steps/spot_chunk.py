"""What happens in one chunk of a match? The detector looks at its hot windows, and a clip model where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from touchline.domain.chunk import Chunk, HotWindow
from touchline.domain.layout import CHUNK_ID, ScratchFiles, WorkFiles
from touchline.domain.recording import Recording, Timeline
from touchline.errors import UsageError
from touchline.inference.model_digest import checked_digest
from touchline.results.recordings import from_nearest
from touchline.results.request import load_request
from touchline.results.result import Outcome, read_result, reuse_or_compute
from touchline.settings import Settings
from touchline.video.plain import recording_from_plain

VERSION = 7
"""Raise it when the same inputs would give another result."""


def spot_chunk(match_id: str, chunk_id: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Write `spottings/<chunk_id>.json`: what each step shows, and scores per window, as in docs/files.md.

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
    timeline = Timeline.of(recordings)
    own = timeline.locate(chunk.start_ms)[0]
    goes_on = recordings[own].goes_on and chunk.start_ms == timeline.offset_ms(own)
    used = slice(own - goes_on, own + 1)
    models = {
        "detector": checked_digest(settings.yolo_model_path),
        "clip_model": checked_digest(settings.action_model_path) if settings.action_model_path else "",
    }
    inputs = {
        "version": VERSION,
        "recordings": [{key: value for key, value in one.items() if key != "path"} for one in plain[used]],
        "offset_ms": timeline.offset_ms(own),
        "chunk": asdict(chunk),
        **models,
        "max_workers": settings.max_workers,
    }
    scratch = ScratchFiles(settings.scratch_dir, match_id)

    def compute() -> dict[str, Any]:
        # Here and not above: to find a result done takes a second, to load the models' packages four more.
        from touchline.steps.see_chunk import Film, see_chunk

        def look_at(near: Sequence[Recording]) -> dict[str, Any]:
            film = Film(near[-1], timeline.offset_ms(own), settings.max_workers, near[0] if goes_on else None)
            return see_chunk(chunk, film, timeline, settings)

        made = from_nearest(recordings[used], scratch, look_at)
        # The catalogue keeps these; the retention removes the result itself.
        made["stats"] |= models
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
