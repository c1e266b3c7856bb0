"""Cut the hot windows of a match into chunks of GPU work."""

from __future__ import annotations

from dataclasses import asdict

from touchline.domain.chunk import HotWindow
from touchline.domain.layout import WorkFiles
from touchline.results.request import load_request
from touchline.results.result import Outcome, read_result, reuse_or_compute
from touchline.settings import Settings
from touchline.spotting.chunks import cut_into_chunks

VERSION = 2


def plan_chunks(match_id: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Write `chunks.json` from `probe.json` and `scan.json`; that a match has no chunk, nothing hot, is no error."""
    files = WorkFiles(settings.working_dir, load_request(match_id, settings).match_id)
    scan = read_result(files.scan).result
    durations = [recording["duration_ms"] for recording in read_result(files.probe).result["recordings"]]
    hot = tuple(HotWindow(start, end) for start, end in scan["hot"])
    inputs = {
        "version": VERSION,
        "hot": scan["hot"],
        "durations_ms": durations,
        "chunk_duration_sec": settings.chunk_duration_sec,
    }

    def compute() -> dict[str, object]:
        chunks = cut_into_chunks(hot, durations, settings.chunk_duration_sec * 1000)
        return {
            "chunks": [
                {
                    "chunk_id": chunk.chunk_id,
                    **asdict(chunk),
                    "hot": [[window.start_ms, window.end_ms] for window in chunk.hot],
                }
                for chunk in chunks
            ]
        }

    return reuse_or_compute(files.chunks, "plan_chunks", inputs, compute, force=force)
