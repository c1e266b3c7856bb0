"""What becomes of a recording that stands still? The work behind `ingest_recordings`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from touchline.catalogue import matches, recordings
from touchline.catalogue.connection import now_ms
from touchline.catalogue.failures import columns_of
from touchline.catalogue.matches import Match
from touchline.catalogue.recordings import SeenRecording
from touchline.domain.layout import MatchFolder, match_id
from touchline.domain.text import shown
from touchline.errors import EXIT_BAD_RECORDING, EXIT_DONE, BadRecordingError, IncompleteRecordingError, TouchlineError
from touchline.results.fingerprint import fingerprint
from touchline.results.request import make_request
from touchline.settings import Settings
from touchline_airflow.books.expected import expected_seconds
from touchline_airflow.books.failure_note import remove_failure, write_failure
from touchline_airflow.ingest.watch import take_look
from touchline_airflow.ingest.withdraw import is_withdrawn, withdraw_gone
from touchline_airflow.mount.age import why_new
from touchline_airflow.mount.gone import is_gone
from touchline_airflow.one_by_one import one_by_one
from touchline_airflow.runtime.process import Finished

log = logging.getLogger(__name__)
LONGEST_MS = 1_000 * 3_600_000
"""No recording is longer than a thousand hours."""


def note_check(path: str, finished: Finished, settings: Settings) -> int | None:
    """Write into the catalogue what the check of a recording gave; returns its length in ms.

    A recording whose format never marks its end, or whose recorder crashed, is taken as far as it decodes when nothing
    has changed for WATCH_BAD_AFTER_SEC; the catalogue says so as the reason of a registered recording.

    Raises:
        IncompleteRecordingError: it is still being copied; it waits and is looked at again.
        BadRecordingError: it cannot be used until it changes; the reason is in the catalogue and in a folder as well.
        TouchlineError: the check itself failed.
    """
    recordings.update(settings.catalogue_address, path, checked_at_ms=now_ms())
    reason, verdict = _reason(finished), _verdict(finished)
    if finished.exit_code == EXIT_DONE:
        recordings.update(settings.catalogue_address, path, reason=None)
        return _length(verdict, "duration_ms")
    if finished.exit_code == EXIT_BAD_RECORDING:
        raise _bad(path, reason, settings)
    row = recordings.find(settings.catalogue_address, path)
    still_sec = (now_ms() - row.still_since_ms) / 1000 if row else 0
    # Twice the same: a NAS that comes and goes may make one check take a whole recording for an incomplete one.
    is_again = row is not None and row.reason == reason
    if _has_verdict(finished) and is_again and still_sec >= settings.watch_bad_after_sec:
        reason = f"{reason} (nothing has changed for {still_sec:.0f} s)"
        if usable_ms := _length(verdict, "usable_ms"):
            return _as_far_as_it_decodes(path, usable_ms, reason, settings)
        raise _bad(path, reason, settings)
    recordings.update(settings.catalogue_address, path, status="waiting", reason=reason)
    raise IncompleteRecordingError(reason) if _has_verdict(finished) else TouchlineError(reason)


def _as_far_as_it_decodes(path: str, usable_ms: int, reason: str, settings: Settings) -> int:
    said = f"taken as far as it decodes, {usable_ms / 1000:.1f} s: {reason}"
    log.warning("%s: %s", shown(path), said)
    recordings.update(settings.catalogue_address, path, reason=said)
    return usable_ms


def register_recordings(lengths_ms: Mapping[str, int | None], settings: Settings, say: Callable[[str], None]) -> None:
    """Write each complete recording as a match, or as a duplicate of the match that has its content.

    One that cannot be written waits and is looked at again; the others are taken all the same. Matches whose recording
    was deleted before their run began are withdrawn.
    """
    def register(path: str) -> None:
        try:
            _register(path, lengths_ms[path], settings, say)
        except (OSError, BadRecordingError) as error:
            say(shown(f"{path} went away or changed, it is looked at again: {error}"))

    one_by_one(lengths_ms, register, say)
    withdraw_gone(settings, say)


def run_conf(match: Match, settings: Settings) -> dict[str, Any]:
    """The conf of a match's run: which match, how long it is, and how long the run normally takes."""
    conf: dict[str, Any] = {"recording": match.recording, "match_id": match.match_id}
    if match.duration_ms:
        conf |= {"duration_ms": match.duration_ms, "expected_sec": round(expected_seconds(match.duration_ms, settings))}
    return conf


def late_recordings(settings: Settings, late_min: float) -> list[SeenRecording]:
    """Recordings that stand still and still wait to be taken, for `late_min` minutes or more."""
    before_ms = now_ms() - late_min * 60_000
    return [row for row in recordings.every(settings.catalogue_address).values()
            if row.status == "waiting" and row.still_since_ms <= before_ms and Path(row.path).exists()
            and not is_gone(Path(row.path), settings)]


def _register(path: str, length_ms: int | None, settings: Settings, say: Callable[[str], None]) -> None:
    address = settings.catalogue_address
    row, look = recordings.find(address, path), take_look(Path(path), None)
    if row is None or look is None or not row.is_as(look):
        raise BadRecordingError(f"{path} is not as it was when it was checked")
    request = make_request([Path(path)])
    match = matches.register(address, request.match_id, request.fingerprints[0], request.recordings[0])
    is_source = match.recording == request.recordings[0] or is_gone(Path(match.recording), settings)
    if length_ms and not match.duration_ms:
        matches.update(address, match.match_id, duration_ms=length_ms)
    status = "registered" if is_source else "duplicate"
    reason = row.reason if is_source else f"has the same content as {match.recording}"
    if is_source and match.recording != request.recordings[0]:
        matches.update(address, match.match_id, recording=request.recordings[0])
    if is_source and is_withdrawn(match):
        matches.update(address, match.match_id, status="registered", **columns_of(None))
    if row.match_id and row.match_id != match.match_id:
        remove_failure(MatchFolder(settings.nas_output_path, row.match_id))
    recordings.update(address, path, status=status, reason=reason, match_id=match.match_id)
    line = f"{path}: {status} as match {match.match_id}"
    say(shown("; ".join(filter(None, (line, why_new(Path(path), settings))))))


def _bad(path: str, reason: str, settings: Settings) -> BadRecordingError:
    """Write down that a recording is bad. Its folder is named like that of a match; it has no other file."""
    try:
        folder = MatchFolder(settings.nas_output_path, match_id(Path(path).stem, fingerprint(Path(path))))
    except OSError as error:
        return BadRecordingError(f"{path} went away while it was checked: {error}")
    row = recordings.find(settings.catalogue_address, path)
    if row and row.match_id and row.match_id != folder.match_id:
        remove_failure(MatchFolder(settings.nas_output_path, row.match_id))
    recordings.update(settings.catalogue_address, path, status="bad", reason=reason, match_id=folder.match_id)
    write_failure(folder, reason)
    return BadRecordingError(reason)


def _reason(finished: Finished) -> str:
    """As the catalogue holds it, so that the same reason is seen to be the same."""
    said = _verdict(finished).get("reason") or finished.reason
    return shown(str(said or f"the check ended with exit code {finished.exit_code}"))


def _has_verdict(finished: Finished) -> bool:
    return "complete" in _verdict(finished)


def _verdict(finished: Finished) -> dict[str, Any]:
    for line in reversed(finished.stdout.splitlines()):
        if line.startswith("{"):
            try:
                return dict(json.loads(line))
            except (ValueError, RecursionError):
                return {}
    return {}


def _length(verdict: Mapping[str, Any], name: str) -> int | None:
    """Milliseconds that a check reported; None for anything else: the file that it read may have made it say so."""
    value = verdict.get(name)
    return value if type(value) is int and 0 < value < LONGEST_MS else None
