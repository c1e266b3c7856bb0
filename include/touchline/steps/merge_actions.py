"""Merge what all chunks show, the scan's signals, the coach's marks and reviews into the actions of the match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from touchline.domain.action import Action, Candidate, Spotting
from touchline.domain.half import Half, halves_from_kick_offs, position
from touchline.domain.layout import WorkFiles
from touchline.domain.recording import Timeline
from touchline.domain.review import decisions
from touchline.inference.model_digest import checked_digest
from touchline.reels.lacking import what_was_lacking
from touchline.results.request import load_request
from touchline.results.result import Outcome, digest_of, read_result, reuse_or_compute
from touchline.results.reviews import load_reviews
from touchline.results.spotted import read_spotted
from touchline.settings import Settings
from touchline.spotting.fusion import ClipScores, Course, Evidence, ScanSignals, View, fusion_table
from touchline.spotting.merge import merge_spottings
from touchline.spotting.scoreboard import Reading, ScoreSheet, find_periods, kick_offs_by_clock
from touchline.spotting.sides import Sides, find_sides
from touchline.video.plain import recording_from_plain

VERSION = 9
"""Raise it when the same inputs would give another result."""


def merge_actions(match_id: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Write `actions.json` from `probe.json`, `scan.json`, `chunks.json`, all `spottings/`, and the reviews.

    Raises:
        DamagedResultError: the result of a chunk is missing or damaged, clear that chunk; or the reviews are.
        ModelError: the spotter cannot be loaded.
    """
    files = WorkFiles(settings.working_dir, load_request(match_id, settings).match_id)
    probed = read_result(files.probe).result
    sidecar = probed["sidecar"]
    scan = read_result(files.scan)
    spotted = read_spotted(files)
    decided = decisions(load_reviews(match_id, settings))
    spotter = checked_digest(settings.spotter_model_path)
    inputs = {
        "version": VERSION,
        "recordings": [{key: value for key, value in one.items() if key != "path"} for one in probed["recordings"]],
        "spottings": digest_of(spotted),
        "scan": digest_of(scan.result),
        "spotter": spotter,
        "marks": sidecar["marks"],
        "kick_offs_ms": sidecar["kick_offs_ms"],
        "kits": sidecar["kits"],
        "our_keeper": sidecar["our_keeper"],
        "min_event_confidence": settings.min_event_confidence,
        "fusion": digest_of(fusion_table()),
        **({"reviews": [asdict(one) for one in decided]} if decided else {}),
    }

    def compute() -> dict[str, object]:
        marks = [Spotting(mark["match_ms"], mark["label"], 1.0) for mark in sidecar["marks"]]
        clips = [ClipScores(one["match_ms"], one["scores"]) for one in spotted["windows"]]
        spottings, views, kits, delivered = _seen(spotted.pop("glances"), probed["recordings"], scan.result, settings)
        signals = ScanSignals(scan.result["step_ms"], scan.result["surge"], scan.result["whistle"])
        readings = _readings(scan.result)
        kick_offs, breaks = kick_offs_of(probed, scan.result), breaks_of(probed["recordings"])
        course = Course(scan.result["duration_ms"], kick_offs, min(sidecar["kick_offs_ms"], default=0), breaks)
        evidence = Evidence(views, signals, ScoreSheet.of(readings), clips, course)
        merged = merge_spottings(spottings, evidence, marks, settings.min_event_confidence, decided)
        halves = halves_from_kick_offs(kick_offs)
        sides = find_sides(kits, sidecar["kits"], sidecar["our_keeper"])
        seen = {**delivered, "sound": evidence.is_heard, "teams": len(kits) > 1,
                "score": any(reading.score for reading in readings)}
        stats = {"steps": len(views), "spottings": len(spottings), "spotter": spotter}
        return {"actions": [_plain(action, halves, sides) for action in merged.actions],
                "candidates": [_plain_candidate(candidate, halves, sides) for candidate in merged.candidates],
                "kick_offs_ms": list(kick_offs),
                "sides": {"kits": dict(sides.kits), "told_by": sides.told_by, "ours": sides.ours},
                "seen": seen, "stats": stats}

    outcome = reuse_or_compute(files.actions, "merge_actions", inputs, compute, force=force)
    print(f"{len(outcome.result['actions'])} actions, {len(outcome.result['candidates'])} candidates")
    for sentence in what_was_lacking(outcome.result["seen"]):
        print(sentence)
    return outcome


def _seen(glances: Sequence[dict[str, Any]], recordings: Sequence[Mapping[str, Any]], scan: Mapping[str, Any],
          settings: Settings) -> tuple[list[Spotting], list[View], Mapping[str, str], Mapping[str, float]]:
    """What the spotter finds in the steps of all chunks, who is in each, the shirts' colours, how much was seen."""
    # Here and not above: the Airflow side reads this module's VERSION without the models' packages.
    from touchline.inference.spot_match import sound_of_scan, spot_match
    from touchline.seeing.delivered import Delivered
    from touchline.seeing.glance import glance_from_plain
    from touchline.seeing.sight import STEP_MS, keepers

    spottings: list[Spotting] = []
    views: list[View] = []
    delivered = Delivered()
    found = (glance_from_plain(one) for one in glances)
    seen = spot_match(found, sound_of_scan(scan), [recording_from_plain(one) for one in recordings],
                      settings.spotter_model_path)
    for stretch in seen.stretches:
        spottings += stretch.spottings
        delivered.add(stretch.sights)
        views += [View(stretch.start_ms + number * STEP_MS, len(sight.people), keepers(sight))
                  for number, sight in enumerate(stretch.sights)]
    return spottings, views, seen.kits, delivered.plain()


def kick_offs_of(probed: Mapping[str, Any], scan: Mapping[str, Any]) -> tuple[int, ...]:
    """When each half begins: what the club wrote down, else a clock that was read, else the two files of two halves.

    () where nothing tells.
    """
    breaks = breaks_of(probed["recordings"])
    return (tuple(probed["sidecar"]["kick_offs_ms"]) or kick_offs_by_clock(find_periods(_readings(scan)))
            or ((0, *breaks) if len(breaks) == 1 else ()))


def breaks_of(recordings: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Match times at which a recording begins that does not go on where the one before it ended."""
    timeline = Timeline(tuple(one["duration_ms"] for one in recordings))
    return tuple(timeline.offset_ms(number) for number, one in enumerate(recordings) if number and not one["goes_on"])


def _readings(scan: Mapping[str, Any]) -> list[Reading]:
    return [Reading(one["match_ms"], one["clock_s"], tuple(one["score"]) if one["score"] else None)
            for one in scan["graphic"]]


def _plain(action: Action | Candidate, halves: tuple[Half, ...], sides: Sides) -> dict[str, object]:
    half, position_ms = position(halves, action.match_ms)
    return {
        "match_ms": action.match_ms,
        "half": half,
        "position_ms": position_ms,
        "label": action.label,
        "confidence": action.confidence,
        "source": action.source,
        "team": (isinstance(action, Action) and action.team) or sides.team_of(action.away_share),
        "evidence": dict(action.evidence),
    }


def _plain_candidate(candidate: Candidate, halves: tuple[Half, ...], sides: Sides) -> dict[str, object]:
    others = [{"label": label, "confidence": confidence, "match_ms": match_ms}
              for label, confidence, match_ms in candidate.others]
    return {**_plain(candidate, halves, sides), "others": others}
