"""Choose the clips of each reel that the request asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from touchline.domain.action import Action
from touchline.domain.clip import Clip
from touchline.domain.layout import WorkFiles
from touchline.domain.recording import Timeline
from touchline.reels.plan import MatchFrame, plan_reel
from touchline.reels.rules import load_rules
from touchline.results.request import load_request
from touchline.results.result import Outcome, read_result, reuse_or_compute
from touchline.settings import Settings

VERSION = 2


def plan_reels(match_id: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Write `reels.json` from `probe.json` and `actions.json`; a reel may be left without clips.

    Raises:
        DamagedResultError: `probe.json` or `actions.json` is missing or damaged.
    """
    request = load_request(match_id, settings)
    files, rules = WorkFiles(settings.working_dir, request.match_id), load_rules()
    probe = read_result(files.probe).result
    found = read_result(files.actions).result["actions"]
    durations = [recording["duration_ms"] for recording in probe["recordings"]]
    inputs = {
        "version": VERSION,
        "actions": found,
        "durations_ms": durations,
        "kick_offs_ms": probe["sidecar"]["kick_offs_ms"],
        "rules": rules.digest,
        "reels": list(request.reels),
    }

    def compute() -> dict[str, object]:
        frame = MatchFrame(Timeline(tuple(durations)), tuple(inputs["kick_offs_ms"]))
        actions = [action_from_plain(item) for item in found]
        reels = [plan_reel(name, actions, frame, rules) for name in request.reels]
        return {"reels": {reel.name: [_plain(clip) for clip in reel.clips] for reel in reels}}

    outcome = reuse_or_compute(files.reels, "plan_reels", inputs, compute, force=force)
    print(", ".join(f"{name}: {len(clips)} clips" for name, clips in outcome.result["reels"].items()))
    return outcome


def action_from_plain(item: Mapping[str, Any]) -> Action:
    """An action as `actions.json` holds it."""
    return Action(item["match_ms"], item["label"], item["confidence"], item["source"])


def clip_from_plain(item: Mapping[str, Any]) -> Clip:
    """A clip as `reels.json` holds it."""
    return Clip(item["start_ms"], item["end_ms"], item["label"], item["confidence"], tuple(item["labels"]))


def _plain(clip: Clip) -> dict[str, object]:
    return {
        "start_ms": clip.start_ms,
        "end_ms": clip.end_ms,
        "label": clip.label,
        "confidence": clip.confidence,
        "labels": list(clip.labels),
    }
