"""Tell whether a recording is complete and readable, before it is registered."""

from __future__ import annotations

import json
from pathlib import Path

from touchline.errors import BadRecordingError, IncompleteRecordingError, TouchlineError
from touchline.results.recordings import from_whole
from touchline.results.request import refuse_control_characters
from touchline.settings import Settings
from touchline.video.complete import check_complete
from touchline.video.demuxer import refuse_special


def check_recording(recording: Path, settings: Settings) -> None:
    """Print one line of JSON on stdout: path, complete, bad, reason, duration_ms (null unless complete), usable_ms.

    `usable_ms` is how much of an incomplete recording can be used if nothing more comes, else null.

    Raises:
        IncompleteRecordingError: not complete yet (exit code 1); the line was printed.
        BadRecordingError: no video, or no picture in it (exit code 3); the line was printed.
        StorageError: it is away or cannot be read (exit code 1); nothing was printed, for nothing is known of it.
    """
    error: TouchlineError | None = None
    duration_ms = None
    try:
        refuse_control_characters(recording)
        refuse_special(recording)
        duration_ms = from_whole([recording], lambda: check_complete(recording)).duration_ms
    except (IncompleteRecordingError, BadRecordingError) as found:
        error = found
    answer = {
        "path": str(recording),
        "complete": error is None,
        "bad": isinstance(error, BadRecordingError),
        "reason": str(error) if error else "",
        "duration_ms": duration_ms,
        "usable_ms": error.usable_ms if isinstance(error, IncompleteRecordingError) else None,
    }
    print(json.dumps(answer))
    if error:
        raise error
