"""Was a match made with other models, settings or notes than today's? Its results say."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from touchline.catalogue import runs
from touchline.catalogue.matches import Match
from touchline.domain.layout import WorkFiles
from touchline.domain.text import shown
from touchline.errors import DamagedResultError
from touchline.inference.model_digest import model_digest
from touchline.reels.rules import load_rules
from touchline.results.request import REELS, load_request
from touchline.results.result import digest_of, read_inputs
from touchline.settings import Settings
from touchline.sidecars.read import sidecar_digest
from touchline.spotting.fusion import fusion_table
from touchline.spotting.signals import signal_table
from touchline.steps import merge_actions, plan_reels


def notes_changed(match: Match, settings: Settings) -> bool:
    """Whether match.toml or marks.csv is not as it was when the match was probed.

    Raises:
        OSError: the recording's folder is away.
        BadRecordingError: a note cannot be read: it has changed, too.
    """
    inputs = read_inputs(WorkFiles(settings.working_dir, match.match_id).probe)
    return inputs is not None and inputs.get("sidecar") != sidecar_digest(Path(match.recording))


def outdated(match: Match, settings: Settings) -> str | None:
    """What has changed since the match was made, for a person; None when it would be made the same way again.

    Models are known by their digests: in the results of the chunks, else, where the retention removed these, in what
    the catalogue keeps of the last runs. A match of which nothing says what made it counts as outdated; so does one
    whose results, which a step's container may have written as it liked, say it in another form.
    """
    try:
        return shown(", ".join(_changes(match, settings))) or None
    except (LookupError, TypeError, ValueError, AttributeError):
        return "its results say in no known form what made it"


def reels_of(match_id: str, settings: Settings) -> tuple[str, ...]:
    """The reels that were asked for; all where no request says so: of a new match, or of an earlier release's."""
    try:
        return load_request(match_id, settings).reels
    except DamagedResultError:
        return REELS


def _changes(match: Match, settings: Settings) -> Iterator[str]:
    files = WorkFiles(settings.working_dir, match.match_id)
    scan, actions, reels = read_inputs(files.scan), read_inputs(files.actions), read_inputs(files.reels)
    if scan and scan["table"] != digest_of(signal_table()):
        yield "another table of signals"
    yield from _models(match, files, settings)
    if actions is None or reels is None:
        yield "its results are gone"
        return
    if actions["spotter"] != _digest(settings.spotter_model_path):
        yield "another spotter"
    if actions["min_event_confidence"] != settings.min_event_confidence:
        yield f"MIN_EVENT_CONFIDENCE was {actions['min_event_confidence']}"
    if (actions["version"], actions["fusion"]) != (merge_actions.VERSION, digest_of(fusion_table())):
        yield "another way of merging"
    if (reels["version"], reels["rules"]) != (plan_reels.VERSION, load_rules().digest):
        yield "other rules for reels"
    for name in reels_of(match.match_id, settings):
        made = read_inputs(files.reel(name))
        if made and made["style"]["crf"] != settings.output_crf:
            yield f"OUTPUT_CRF was {made['style']['crf']}"
            return


def _models(match: Match, files: WorkFiles, settings: Settings) -> Iterator[str]:
    chunks = [read_inputs(path) for path in sorted(files.spottings("x").parent.glob("chunk-????.json"))]
    used = [chunk for chunk in chunks if chunk] or _in_catalogue(match, settings)
    if used is None:
        yield "it is not known which models made it"
        return
    for name, path in (("detector", settings.yolo_model_path), ("clip_model", settings.action_model_path)):
        if any(chunk[name] != _digest(path) for chunk in used):
            yield f"another {name.replace('_', ' ')}"


def _in_catalogue(match: Match, settings: Settings) -> list[dict[str, Any]] | None:
    """Digests of the models, per chunk of the last run that made some; none where no part of the match was hot."""
    address = settings.catalogue_address
    for run in reversed(runs.of_match(address, match.match_id)):
        chunks = [stage for stage in runs.stages(address, run["run_id"]) if stage.stage == "spot_chunk" and stage.done]
        told = [dict(chunk.stats or {}) for chunk in chunks]
        if chunks:
            return told if all({"detector", "clip_model"} <= set(stats) for stats in told) else None
    return []


@cache
def _digest(path: Path | None) -> str:
    return model_digest(path) if path else ""
