"""A match is outdated when other models, tables or settings would make it now, and not when nothing would change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from touchline.catalogue import matches, runs
from touchline.catalogue.matches import Match
from touchline.catalogue.runs import StageTime
from touchline.domain.layout import WorkFiles
from touchline.inference.model_digest import model_digest
from touchline.reels.rules import load_rules
from touchline.results.request import Request, save_request
from touchline.results.result import digest_of, reuse_or_compute
from touchline.settings import Settings
from touchline.spotting.fusion import fusion_table
from touchline.spotting.signals import signal_table
from touchline.steps import merge_actions, plan_reels
from touchline_airflow.backfill.outdated import outdated

MATCH, RUN = "cup-final-0123456789ab", "match__cup-final-0123456789ab__1"


@pytest.fixture
def settings(own_settings: Settings, tmp_path: Path) -> Settings:
    for name in ("detector", "spotter", "better"):
        (tmp_path / name).write_text(name)
    return replace(own_settings, yolo_model_path=tmp_path / "detector", spotter_model_path=tmp_path / "spotter")


def models(settings: Settings) -> dict[str, Any]:
    return {"detector": model_digest(settings.yolo_model_path), "clip_model": ""}


@pytest.fixture
def made(settings: Settings) -> Match:
    """A published match with one chunk and one reel, made as it would be now."""
    files = WorkFiles(settings.working_dir, MATCH)
    save_request(Request(MATCH, ("/nas/cup.mp4",), ("f" * 64,), ("keeper",)), settings)
    for path, inputs in (
            (files.scan, {"table": digest_of(signal_table())}),
            (files.spottings("chunk-0000"), models(settings)),
            (files.actions, {"version": merge_actions.VERSION, "fusion": digest_of(fusion_table()),
                             "spotter": model_digest(settings.spotter_model_path),
                             "min_event_confidence": settings.min_event_confidence}),
            (files.reels, {"version": plan_reels.VERSION, "rules": load_rules().digest}),
            (files.reel("keeper"), {"style": {"crf": settings.output_crf}})):
        reuse_or_compute(path, "a_step", inputs, dict)
    matches.register(settings.catalogue_address, MATCH, "f" * 64, "/nas/cup.mp4")
    matches.update(settings.catalogue_address, MATCH, status="published")
    found = matches.find(settings.catalogue_address, MATCH)
    assert found
    return found


def test_what_would_be_made_the_same_way_is_not_outdated(made: Match, settings: Settings) -> None:
    assert outdated(made, settings) is None


@pytest.mark.parametrize("inputs", [{}, {"version": [], "min_event_confidence": {}}, {"style": 5, "table": None}])
def test_results_that_a_hostile_step_wrote_never_stop_the_night(made: Match, settings: Settings,
                                                               inputs: dict[str, Any]) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    for path in (files.actions, files.reels, files.reel("keeper"), files.spottings("chunk-0000"), files.probe):
        reuse_or_compute(path, "a_step", inputs, dict, force=True)
    line = outdated(made, settings)
    assert line and "\n" not in line


def test_of_a_match_of_an_earlier_release_the_reels_that_are_there_count(made: Match, settings: Settings) -> None:
    WorkFiles(settings.working_dir, MATCH).request.unlink()
    assert outdated(made, settings) is None
    assert outdated(made, replace(settings, output_crf=24)) == "OUTPUT_CRF was 20"


@pytest.mark.parametrize(("setting", "value", "line"), [
    ("yolo_model_path", "better", "another detector"),
    ("spotter_model_path", "better", "another spotter"),
    ("action_model_path", "better", "another clip model"),
    ("min_event_confidence", 0.7, "MIN_EVENT_CONFIDENCE was 0.5"),
    ("output_crf", 24, "OUTPUT_CRF was 20"),
])
def test_what_has_changed_is_told(made: Match, settings: Settings, tmp_path: Path, setting: str, value: Any,
                                  line: str) -> None:
    changed = replace(settings, **{setting: tmp_path / value if isinstance(value, str) else value})
    assert outdated(made, changed) == line


def test_settings_that_change_no_result_do_not_count(made: Match, settings: Settings) -> None:
    assert outdated(made, replace(settings, chunk_duration_sec=20, watch_stable_time_sec=7)) is None


def test_the_catalogue_knows_the_models_when_the_retention_has_been_there(made: Match, settings: Settings,
                                                                          tmp_path: Path) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    runs.begin(settings.catalogue_address, RUN, MATCH)
    chunk = StageTime("spot_chunk", "chunk-0000", 1, True, None, models(settings))
    runs.note_stage(settings.catalogue_address, RUN, chunk)
    files.scan.unlink()
    files.spottings("chunk-0000").unlink()
    assert outdated(made, settings) is None
    assert outdated(made, replace(settings, yolo_model_path=tmp_path / "better")) == "another detector"
    runs.note_stage(settings.catalogue_address, RUN, replace(chunk, stats={"frames": 1}))
    assert outdated(made, settings) == "it is not known which models made it"


def test_a_match_in_which_nothing_moved_has_no_model_to_be_outdated(made: Match, settings: Settings,
                                                                    tmp_path: Path) -> None:
    WorkFiles(settings.working_dir, MATCH).spottings("chunk-0000").unlink()
    assert outdated(made, replace(settings, yolo_model_path=tmp_path / "better")) is None
