"""Merge the spottings of all chunks, the scan's signals and the coach's marks into the actions of the match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from touchline.domain.action import Action, Candidate, Spotting
from touchline.domain.half import Half, halves_from_kick_offs, position
from touchline.domain.layout import WorkFiles
from touchline.errors import DamagedResultError
from touchline.results.request import load_request
from touchline.results.result import Outcome, digest_of, read_result, reuse_or_compute
from touchline.settings import Settings
from touchline.spotting.fusion import Course, Evidence, ScanSignals, View, fusion_table
from touchline.spotting.merge import merge_spottings
from touchline.spotting.scoreboard import Reading, ScoreSheet, find_periods, kick_offs_by_clock

VERSION = 3


def merge_actions(match_id: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Write `actions.json` from `probe.json`, `scan.json`, `chunks.json` and all `spottings/`.

    Raises:
        DamagedResultError: the result of a chunk is missing or damaged; clear that chunk.
    """
    files = WorkFiles(settings.working_dir, load_request(match_id, settings).match_id)
    sidecar = read_result(files.probe).result["sidecar"]
    scan = read_result(files.scan)
    chunk_ids = [chunk["chunk_id"] for chunk in read_result(files.chunks).result["chunks"]]
    chunks = [_spotted(chunk_id, files) for chunk_id in chunk_ids]
    inputs = {
        "version": VERSION,
        "spottings": digest_of(_joined(chunks)),
        "scan": digest_of(scan.result),
        "marks": sidecar["marks"],
        "kick_offs_ms": sidecar["kick_offs_ms"],
        "min_event_confidence": settings.min_event_confidence,
        "fusion": digest_of(fusion_table()),
    }

    def compute() -> dict[str, object]:
        marks = [Spotting(mark["match_ms"], mark["label"], 1.0) for mark in sidecar["marks"]]
        signals = ScanSignals(scan.result["step_ms"], scan.result["surge"], scan.result["whistle"])
        readings = _readings(scan.result["graphic"])
        # What the club wrote down counts for more than a clock that was read.
        kick_offs = tuple(sidecar["kick_offs_ms"]) or kick_offs_by_clock(find_periods(readings))
        course = Course(scan.result["duration_ms"], kick_offs, min(sidecar["kick_offs_ms"], default=0))
        evidence = Evidence(_views(chunks), signals, ScoreSheet.of(readings), course)
        merged = merge_spottings(_spottings(chunks), evidence, marks, settings.min_event_confidence)
        halves = halves_from_kick_offs(kick_offs)
        return {"actions": [_plain(action, halves) for action in merged.actions],
                "candidates": [_plain_candidate(candidate, halves) for candidate in merged.candidates]}

    outcome = reuse_or_compute(files.actions, "merge_actions", inputs, compute, force=force)
    print(f"{len(outcome.result['actions'])} actions, {len(outcome.result['candidates'])} candidates")
    return outcome


def _spotted(chunk_id: str, files: WorkFiles) -> dict[str, Any]:
    try:
        return read_result(files.spottings(chunk_id)).result
    except DamagedResultError:
        why = f"{chunk_id} has no whole result: clear its spot_chunk, or run spot-chunk again"
        raise DamagedResultError(why) from None


def _joined(chunks: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """All chunks as one, in order of time: where the borders lay does not count as another input."""
    return {key: [item for chunk in chunks for item in chunk[key]] for key in ("windows", "views")}


def _spottings(chunks: Sequence[Mapping[str, Any]]) -> Iterator[Spotting]:
    for window in _joined(chunks)["windows"]:
        for label, probability in window["scores"].items():
            yield Spotting(window["match_ms"], label, probability)


def _views(chunks: Sequence[Mapping[str, Any]]) -> list[View]:
    return [
        View(view["match_ms"], view["players"] + view["goalkeepers"] + view["referees"], view["goalkeepers"])
        for view in _joined(chunks)["views"]
    ]


def _readings(plain: Sequence[Mapping[str, Any]]) -> list[Reading]:
    return [Reading(one["match_ms"], one["clock_s"], tuple(one["score"]) if one["score"] else None) for one in plain]


def _plain(action: Action | Candidate, halves: tuple[Half, ...]) -> dict[str, object]:
    half, position_ms = position(halves, action.match_ms)
    return {
        "match_ms": action.match_ms,
        "half": half,
        "position_ms": position_ms,
        "label": action.label,
        "confidence": action.confidence,
        "source": action.source,
        "evidence": dict(action.evidence),
    }


def _plain_candidate(candidate: Candidate, halves: tuple[Half, ...]) -> dict[str, object]:
    others = [{"label": label, "confidence": confidence} for label, confidence in candidate.others]
    return {**_plain(candidate, halves), "others": others}
