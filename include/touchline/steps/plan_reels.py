"""Choose the clips of each reel that the request asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from touchline.domain.action import Action
from touchline.domain.clip import Clip
from touchline.domain.layout import WorkFiles
from touchline.domain.recording import Timeline
from touchline.reels.plan import MatchFrame, plan_reel
from touchline.reels.rules import ClipRules, load_rules
from touchline.results.request import load_request
from touchline.results.result import Outcome, read_result, reading_result, reuse_or_compute
from touchline.settings import Settings

VERSION = 5
REFUSED = frozenset({"instead", "before"})
"""Evidence of a candidate that something else is known to be true."""


def plan_reels(match_id: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Write `reels.json` from `probe.json` and `actions.json`; a reel may be left without clips.

    Raises:
        DamagedResultError: `probe.json` or `actions.json` is missing or damaged.
    """
    request = load_request(match_id, settings)
    files, rules = WorkFiles(settings.working_dir, request.match_id), load_rules()
    probe = read_result(files.probe).result
    with reading_result(files.actions) as merged:
        found, ours, kick_offs = merged["actions"], merged["sides"]["ours"], merged["kick_offs_ms"]
        candidates = [one for one in merged["candidates"] if not REFUSED & set(one["evidence"])]
    durations = [recording["duration_ms"] for recording in probe["recordings"]]
    go_on = [recording["goes_on"] for recording in probe["recordings"]]
    inputs = {
        "version": VERSION,
        "actions": found,
        "candidates": candidates,
        "ours": ours,
        "durations_ms": durations,
        "go_on": go_on,
        "kick_offs_ms": kick_offs,
        "rules": rules.digest,
        "reels": list(request.reels),
    }

    def compute() -> dict[str, object]:
        frame = MatchFrame(Timeline(tuple(durations)), tuple(kick_offs), tuple(go_on))
        reels = [plan_reel(name, _concerning(name, found, ours, rules), frame, rules,
                           _concerning(name, candidates, ours, rules)) for name in request.reels]
        return {"reels": {reel.name: [_plain(clip) for clip in reel.clips] for reel in reels}}

    outcome = reuse_or_compute(files.reels, "plan_reels", inputs, compute, force=force)
    print(", ".join(f"{name}: {len(clips)} clips" for name, clips in outcome.result["reels"].items()))
    return outcome


def _concerning(reel: str, found: Sequence[Mapping[str, Any]], ours: str | None, rules: ClipRules) -> list[Action]:
    """All actions but those of the other team's goalkeeper, where the reel is our goalkeeper's."""
    return [action_from_plain(item) for item in found
            if rules.concerns(reel, item["label"], item["team"], ours) is not False]


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
