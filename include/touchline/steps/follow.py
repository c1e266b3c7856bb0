"""A recording that is still written, without Airflow: a provisional match folder while it grows, then the match."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from touchline.errors import IncompleteRecordingError
from touchline.results.folders import naming_folders
from touchline.results.growing import growing_match_id, provisional_request, remove_provisional
from touchline.results.recordings import from_whole
from touchline.results.request import save_request
from touchline.settings import Settings
from touchline.sidecars.find import DONE
from touchline.steps.cut_chapter import cut_chapter
from touchline.steps.process import make_match, process, settings_for
from touchline.storage import reading
from touchline.video.complete import check_complete
from touchline.video.growing import may_go_on

LOOK_SEC = 2.0


def follow(recording: Path, output: Path, settings: Settings, reels: Sequence[str]) -> Path:
    """Look at a recording chapter by chapter until it is complete, then make its match; returns the match folder.

    It is complete when it stood still for WATCH_STABLE_TIME_SEC and can be read to its end; where nothing in it marks
    the end, after WATCH_MORE_SEC, or when a file named .done lies beside it. Where its end never comes it is taken as
    far as it decodes after WATCH_BAD_AFTER_SEC. The provisional folder goes when the match folder is there.

    Raises:
        BadRecordingError: it cannot be read while it is written, or is no video.
        IncompleteRecordingError: its format marks the end, which did not come within WATCH_BAD_AFTER_SEC.
    """
    recording, settings = recording.resolve(), settings_for(output, settings)
    with naming_folders(settings):
        is_complete, looked_at = _watched(recording, settings), 0
        while not is_complete():
            grown = cut_chapter(recording, settings)
            if grown is None or len(grown.chapters) == looked_at:
                time.sleep(LOOK_SEC)
                continue
            request = provisional_request(grown, reels, settings)
            save_request(request, settings)
            make_match(request, settings)
            looked_at = len(grown.chapters)
    folder = process([recording], output, settings, reels)
    with naming_folders(settings):
        if match_id := growing_match_id(recording):
            remove_provisional(match_id, settings)
    return folder


def _watched(recording: Path, settings: Settings) -> Callable[[], bool]:
    """Tells at each call whether the recording is complete."""
    seen, since = None, time.monotonic()

    def is_complete() -> bool:
        nonlocal seen, since
        with reading(recording):
            status = recording.stat()
        now = (status.st_size, status.st_mtime_ns)
        if now != seen:
            seen, since = now, time.monotonic()
        still_sec = time.monotonic() - since
        if still_sec < settings.watch_stable_time_sec:
            return False
        if still_sec < settings.watch_more_sec and may_go_on(recording) and not recording.with_name(DONE).exists():
            return False
        try:
            from_whole([recording], lambda: check_complete(recording))
        except IncompleteRecordingError as error:
            if still_sec < settings.watch_bad_after_sec:
                return False
            if error.usable_ms is None:
                raise
        return True

    return is_complete
