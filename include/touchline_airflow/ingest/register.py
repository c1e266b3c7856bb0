"""What becomes of a recording that stands still? The work behind `ingest_recordings`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from touchline.catalogue import matches, recordings
from touchline.catalogue.connection import now_ms
from touchline.catalogue.failures import columns_of
from touchline.catalogue.matches import Match, Source
from touchline.catalogue.recordings import SeenRecording
from touchline.domain.layout import MatchFolder, match_id
from touchline.domain.text import shown
from touchline.errors import EXIT_BAD_RECORDING, EXIT_DONE, BadRecordingError, IncompleteRecordingError, TouchlineError
from touchline.results.fingerprint import fingerprint, match_fingerprint
from touchline.results.request import make_request
from touchline.settings import Settings
from touchline_airflow.books.expected import expected_seconds
from touchline_airflow.books.failure_note import remove_failure, write_failure
from touchline_airflow.ingest.all_recordings import USABLE, complete_matches
from touchline_airflow.ingest.standing_still import take_look
from touchline_airflow.ingest.withdraw import is_withdrawn, withdraw_gone
from touchline_airflow.mount.age import why_new
from touchline_airflow.mount.gone import is_gone
from touchline_airflow.mount.one_match import OneMatch
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
    said = f"{USABLE}, {usable_ms / 1000:.1f} s: {reason}"
    log.warning("%s: %s", shown(path), said)
    recordings.update(settings.catalogue_address, path, reason=said)
    return usable_ms


def register_recordings(lengths_ms: Mapping[str, int | None], settings: Settings, say: Callable[[str], None]) -> None:
    """Write each complete recording as a match, or as a duplicate of the match that has its content.

    A match of several recordings is written when all of them are complete; one that comes later opens it again. What
    cannot be written waits and is looked at again; the others are taken all the same. Matches whose recording was
    deleted before their run began are withdrawn.
    """
    address = settings.catalogue_address
    for path, length_ms in lengths_ms.items():
        recordings.update(address, path, status="complete", duration_ms=length_ms)

    def register(match: OneMatch) -> None:
        try:
            _register(match.paths, settings, say)
        except (OSError, BadRecordingError) as error:
            say(shown(f"{match.paths[0]} went away or changed, it is looked at again: {error}"))

    one_by_one(complete_matches(settings), register, say)
    withdraw_gone(settings, say)


def run_conf(match: Match, settings: Settings) -> dict[str, Any]:
    """The conf of a match's run: which match, how long it is, and how long the run normally takes."""
    conf: dict[str, Any] = {"recording": match.recording, "match_id": match.match_id}
    if more := [source.path for source in match.sources[1:]]:
        conf["more_recordings"] = more
    if match.duration_ms:
        conf |= {"duration_ms": match.duration_ms, "expected_sec": round(expected_seconds(match.duration_ms, settings))}
    return conf


def late_recordings(settings: Settings, late_min: float) -> list[SeenRecording]:
    """Recordings that stand still and still wait to be taken, for `late_min` minutes or more.

    Those that wait for others of their match are given WATCH_MORE_SEC besides.
    """
    late_ms = {"waiting": late_min * 60_000, "complete": late_min * 60_000 + settings.watch_more_sec * 1000}
    return [row for row in recordings.every(settings.catalogue_address).values()
            if row.status in late_ms and now_ms() - row.still_since_ms >= late_ms[row.status]
            and Path(row.path).exists() and not is_gone(Path(row.path), settings)]


def _register(paths: Sequence[Path], settings: Settings, say: Callable[[str], None]) -> None:
    """Write one match whose recordings are all complete, or open it again with more of them.

    Raises:
        BadRecordingError: a recording is not as it was when it was checked.
        OSError: one is away.
    """
    address = settings.catalogue_address
    rows = [_as_checked(path, address) for path in paths]
    request = make_request(paths)
    content = match_fingerprint(request.fingerprints)
    sources = tuple(map(Source, request.recordings, request.fingerprints))
    length_ms = sum(row.duration_ms or 0 for row in rows) or None
    try:
        match = matches.find_content(address, content) or _reopened(sources, content, length_ms, settings)
    except _UnclearError as error:
        for row in rows:
            recordings.update(address, row.path, reason=str(error))
        return
    if match is None:
        match = matches.register(address, request.match_id, content, sources[0].path, sources)
    is_whole = match.fingerprint == content
    is_source = {one.path for one in sources} <= {one.path for one in match.sources} or (
        is_whole and any(is_gone(Path(one.path), settings) for one in match.sources))
    if length_ms and is_whole and not match.duration_ms:
        matches.update(address, match.match_id, duration_ms=length_ms)
    if is_source and is_whole and match.sources != sources:
        matches.set_sources(address, match.match_id, sources)
    if is_source and is_withdrawn(match):
        matches.update(address, match.match_id, status="registered", **columns_of(None))
    for row, source in zip(rows, sources, strict=True):
        _write_row(row, source, match, settings, is_source=is_source)
        line = f"{row.path}: {'registered' if is_source else 'duplicate'} as match {match.match_id}"
        say(shown("; ".join(filter(None, (line, why_new(Path(row.path), settings))))))


class _UnclearError(Exception):
    """One line: which match these recordings are cannot be said, or not yet."""


def _as_checked(path: Path, address: str) -> SeenRecording:
    row, look = recordings.find(address, str(path)), take_look(path, None)
    if row is None or look is None or not row.is_as(look):
        raise BadRecordingError(f"{path} is not as it was when it was checked")
    return row


def _reopened(sources: Sequence[Source], content: str, length_ms: int | None, settings: Settings) -> Match | None:
    """The match that has some of these recordings already, opened again with all of them.

    As it is, where it has them all. None where there is none.
    """
    address, contents = settings.catalogue_address, {one.fingerprint for one in sources}
    if len(contents) < len(sources):
        raise _UnclearError("two recordings of this match have the same content: leave one of them there")
    owners = matches.with_recordings(address, contents)
    if not owners:
        return None
    owner = owners[0]
    owned = {one.fingerprint for one in owner.sources}
    if len(owners) > 1 or not (owned <= contents or contents <= owned):
        raise _UnclearError("its recordings belong to " + " and ".join(one.match_id for one in owners) + " already: "
                            "start process_match by hand with all of them, or give each match a folder of its own")
    if contents <= owned:
        return owner
    if not matches.reopen(address, owner, content, sources, length_ms):
        raise _UnclearError(f"run {owner.lease_holder} makes {owner.match_id} without it: it is made again afterwards")
    return matches.find(address, owner.match_id)


def _write_row(row: SeenRecording, source: Source, match: Match, settings: Settings, *, is_source: bool) -> None:
    reason = row.reason if row.reason and row.reason.startswith(USABLE) else None
    if not is_source:
        reason = f"has the same content as {match.recording}"
    if row.match_id and row.match_id != match.match_id:
        remove_failure(MatchFolder(settings.nas_output_path, row.match_id))
    recordings.update(settings.catalogue_address, row.path, status="registered" if is_source else "duplicate",
                      reason=reason, match_id=match.match_id, fingerprint=source.fingerprint)


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
