"""What did all chunks of a match show? Their results as one, in order of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from touchline.domain.layout import WorkFiles
from touchline.errors import DamagedResultError
from touchline.results.result import read_result, reading_result


def read_spotted(files: WorkFiles) -> dict[str, list[Any]]:
    """`glances` and `windows` of `spottings/`, as docs/files.md says; where the borders lay does not count.

    Raises:
        DamagedResultError: the result of a chunk is missing or damaged; clear that chunk.
    """
    chunk_ids = [chunk["chunk_id"] for chunk in read_result(files.chunks).result["chunks"]]
    chunks = [_spotted(chunk_id, files) for chunk_id in chunk_ids]
    return {key: [item for chunk in chunks for item in chunk[key]] for key in ("glances", "windows")}


def _spotted(chunk_id: str, files: WorkFiles) -> dict[str, list[Any]]:
    try:
        with reading_result(files.spottings(chunk_id)) as result:
            return {"glances": list(result["glances"]), "windows": [_window(one) for one in result["windows"]]}
    except DamagedResultError:
        why = f"{chunk_id} has no whole result: clear its spot_chunk, or run spot-chunk again"
        raise DamagedResultError(why) from None


def _window(plain: Mapping[str, Any]) -> dict[str, Any]:
    scores = {str(label): float(score) for label, score in plain["scores"].items()}
    if not all(0 <= score <= 1 for score in scores.values()):
        raise ValueError("a score outside 0 to 1")
    return {"match_ms": int(plain["match_ms"]), "scores": scores}
