"""A match whose chunks were looked at: the results that `merge_actions` reads, written without a film."""

from collections.abc import Sequence
from itertools import pairwise

from touchline.domain.layout import WorkFiles
from touchline.results.request import Request, save_request
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings

MATCH = "cup-final-0123456789ab"
SECONDS = 40
VIDEO = {"index": 0, "codec": "h264", "pix_fmt": "yuv420p", "width": 1280, "height": 720, "fps": "25/1",
         "start_s": "0/1"}
RECORDING = {"path": "/nas/Cup final.mp4", "size_bytes": 1, "fingerprint": "f" * 64, "demuxer": "mov",
             "duration_ms": SECONDS * 1000, "video": VIDEO, "audio": None}


def glance(step: int) -> dict[str, object]:
    return {"match_ms": step * 200, "people": [300 + step, 400, 330 + step, 500, 800, 120, 128, 128] * 2,
            "balls": [500, 600, 300, 1000], "camera": [10, 0, 0] if step else None, "cut": False, "grass": 700,
            "looked": True}


def prepare(settings: Settings, chunks: list[dict[str, object]], *recordings: dict[str, object],
            hearing: bool = True, kick_offs_ms: Sequence[int] = (), **notes: object) -> WorkFiles:
    """Write what the steps before would, with these results of `spot_chunk`."""
    save_request(Request(MATCH, ("/nas/Cup final.mp4",), ("f" * 64,), ("keeper",)), settings)
    files = WorkFiles(settings.working_dir, MATCH)
    names = [f"chunk-{number:04d}" for number in range(len(chunks))]
    heard = [0.0] * 2 * SECONDS if hearing else []
    scan = {"step_ms": 500, "duration_ms": SECONDS * 1000, "surge": heard, "whistle": heard, "loudness_db": heard,
            "graphic": []}
    sidecar = {"marks": [], "kick_offs_ms": list(kick_offs_ms), "kits": {}, "our_keeper": None} | notes
    for path, result in ((files.probe, {"recordings": recordings or [RECORDING], "sidecar": sidecar}),
                         (files.scan, scan), (files.chunks, {"chunks": [{"chunk_id": name} for name in names]}),
                         *((files.spottings(name), chunk) for name, chunk in zip(names, chunks, strict=True))):
        reuse_or_compute(path, path.stem, {}, lambda result=result: result, force=True)
    return files


def cut_at(*borders: int, windows=()) -> list[dict[str, object]]:
    """Chunks of the match's glances that meet at these steps."""
    steps = [0, *borders, SECONDS * 5]
    return [{"glances": [glance(step) for step in range(first, end)],
             "windows": [one for one in windows if first <= one["match_ms"] // 200 < end]}
            for first, end in pairwise(steps)]
