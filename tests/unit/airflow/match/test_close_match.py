"""How a run ended stands in the catalogue and in the folder, and nothing large stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.merged import merged
from support.statsd_wire import Wire
from touchline.catalogue import actions, matches, reels, runs
from touchline.catalogue.runs import StageTime
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.errors import INFRASTRUCTURE, STORAGE, Failure, TouchlineError
from touchline.exports.match_files import actions_json, json_bytes
from touchline.exports.match_folder import NewFile, commit_files
from touchline.results.request import Request, save_request
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline_airflow.match.close_match import close_match
from touchline_airflow.upkeep.tidy import OpenRun, close_ended_run

MATCH, RUN = "cup-final-0123456789ab", "run-1"
GOAL = {"match_ms": 5, "half": 1, "position_ms": 5, "label": "Goal", "confidence": 0.5, "source": "model"}
SPOTTED = {**GOAL, "team": None, "evidence": {"spotter": 0.5}}
KEEPER = {"name": "keeper", "clips": [], "frames": 0, "duration_ms": 0, "sha256": None, "size_bytes": 0}


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    """A match whose steps are done."""
    address = own_settings.catalogue_address
    matches.register(address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    runs.begin(address, RUN, MATCH)
    matches.take_lease(address, MATCH, RUN, lambda _: True)
    files = WorkFiles(own_settings.working_dir, MATCH)
    save_request(Request(MATCH, ("/nas/Cup final.mp4",), ("f" * 64,), ("keeper",)), own_settings)
    probe = {"recordings": [{"path": "/nas/Cup final.mp4", "duration_ms": 1234}], "sidecar": {"title": None}}
    for path, result in ((files.probe, probe), (files.actions, merged(SPOTTED)),
                         (files.reel("keeper"), KEEPER)):
        reuse_or_compute(path, path.stem, {}, lambda result=result: result)
    found = NewFile.of("actions.json", json_bytes(actions_json(MATCH, merged(SPOTTED))))
    commit = commit_files(MatchFolder(own_settings.nas_output_path, MATCH), [found])
    reuse_or_compute(files.published, "publish", {}, lambda: {"manifest": commit.manifest_sha256})
    clip = ScratchFiles(own_settings.scratch_dir, MATCH).clip("clip-1", "f" * 64)
    clip.parent.mkdir(parents=True)
    clip.write_bytes(b"large")
    return own_settings


def lease_is_free(settings: Settings) -> bool:
    return matches.take_lease(settings.catalogue_address, MATCH, "run-2", lambda _: True) == "run-2"


def test_a_published_match_has_its_results_in_the_catalogue(settings: Settings) -> None:
    assert close_match(MATCH, RUN, {"probe": "success", "spot_chunk": "skipped"}, settings) is None
    match = matches.find(settings.catalogue_address, MATCH)
    assert match and (match.status, match.reason) == ("published", None)
    assert (match.title, match.duration_ms) == ("Cup final", 1234)
    assert actions.of_match(settings.catalogue_address, MATCH) == [GOAL]
    assert [reel["name"] for reel in reels.of_match(settings.catalogue_address, MATCH)] == ["keeper"]
    assert runs.of_match(settings.catalogue_address, MATCH)[0]["status"] == "published"
    assert lease_is_free(settings)


def test_a_run_that_was_closed_is_counted(settings: Settings, wire: Wire) -> None:
    runs.note_stage(settings.catalogue_address, RUN, StageTime("probe", "", 300, done=True))
    close_match(MATCH, RUN, {"probe": "success"}, settings)
    sent = wire.values()
    assert sent["pipeline_jobs_total.published"] == sent["pipeline_events_detected_total.goal"] == "1|c"
    assert "pipeline_job_duration_seconds.keeper" in sent


def again(settings: Settings, run_id: str = RUN, states: dict[str, str | None] | None = None) -> None:
    """A task of the run works once more and finds all done; then the run is closed."""
    address = settings.catalogue_address
    runs.begin(address, run_id, MATCH)
    runs.note_stage(address, run_id, StageTime("probe", "", 300, done=True, reused=True))
    close_match(MATCH, run_id, states or {"probe": "success"}, settings)


def test_a_match_that_is_cleared_or_run_again_with_the_same_result_is_counted_once(settings: Settings, wire: Wire
                                                                                   ) -> None:
    close_match(MATCH, RUN, {"probe": "success"}, settings)
    first = {name for name in wire.values() if not name.startswith("pipeline_match_cost")}
    assert {"pipeline_jobs_total.published", "pipeline_events_detected_total.goal"} <= first
    again(settings)  # a task was cleared
    again(settings)  # and once more
    close_match(MATCH, RUN, {"probe": "success"}, settings)  # close_match alone, or its retry
    runs.resume(settings.catalogue_address, RUN)
    close_ended_run(OpenRun(RUN, MATCH), "success", {"publish": "success"}, settings)  # tidy in its place
    again(settings, "run-2")  # a second run finds all work done
    assert set(wire.values()) == {"pipeline_match_cost"}


def test_another_result_of_the_same_match_is_counted(settings: Settings, wire: Wire) -> None:
    close_match(MATCH, RUN, {"probe": "success"}, settings)
    files = WorkFiles(settings.working_dir, MATCH)
    reuse_or_compute(files.actions, "actions", {"other": 1}, lambda: merged(SPOTTED, SPOTTED))
    found = NewFile.of("actions.json", json_bytes(actions_json(MATCH, merged(SPOTTED, SPOTTED))))
    commit = commit_files(MatchFolder(settings.nas_output_path, MATCH), [found])
    reuse_or_compute(files.published, "publish", {"other": 1}, lambda: {"manifest": commit.manifest_sha256})
    wire.lines()
    again(settings)
    sent = wire.values()
    assert (sent["pipeline_jobs_total.published"], sent["pipeline_events_detected_total.goal"]) == ("1|c", "2|c")


def test_a_run_that_fails_is_cleared_fails_again_and_publishes_failed_once_and_published_once(
        settings: Settings, wire: Wire) -> None:
    for states in ({"scan": "failed"}, {"scan": "failed"}, {"scan": "success"}, {"scan": "success"}):
        again(settings, states=dict(states))
    counted = [line for line in wire.lines() if "pipeline_jobs" in line]
    assert [line.removeprefix("touchline.pipeline_jobs") for line in counted] == [
        "_total.failed:1|c", "_failed_total.infrastructure:1|c", "_total.published:1|c"]


def test_a_failed_match_has_its_reason_in_catalogue_and_folder(settings: Settings) -> None:
    runs.note_stage(settings.catalogue_address, RUN, StageTime("probe", "", 1, done=True))
    failed = StageTime("spot_chunk", "chunk-0002", 1, done=False, failure=Failure(INFRASTRUCTURE, "no room"))
    runs.note_stage(settings.catalogue_address, RUN, failed)
    states = {"probe": "success", "spot_chunk_2": "failed", "merge_actions": "upstream_failed"}
    assert close_match(MATCH, RUN, states, settings) == failed.failure
    match = matches.find(settings.catalogue_address, MATCH)
    assert match and (match.status, match.reason) == ("failed", "no room")
    assert MatchFolder(settings.nas_output_path, MATCH).failure.read_text() == "no room\n"
    assert lease_is_free(settings)


def test_a_reason_of_an_attempt_that_healed_is_not_told(settings: Settings) -> None:
    runs.note_stage(settings.catalogue_address, RUN,
                    StageTime("scan", "", 1, done=False, failure=Failure(STORAGE, "the NAS was away")))
    failure = close_match(MATCH, RUN, {"scan": "success", "publish": "failed"}, settings)
    assert failure and failure.reason == "publish failed: read the task's log in Airflow"


def test_a_failure_that_healed_is_removed_from_the_folder(settings: Settings) -> None:
    close_match(MATCH, RUN, {"scan": "failed"}, settings)
    folder = MatchFolder(settings.nas_output_path, MATCH)
    assert folder.failure.exists()
    close_match(MATCH, RUN, {"scan": "success"}, settings)
    assert not folder.failure.exists()


@pytest.mark.parametrize("state", ["success", "failed"])
def test_scratch_is_emptied_however_it_ended(settings: Settings, state: str) -> None:
    close_match(MATCH, RUN, {"scan": state}, settings)
    assert not Path(ScratchFiles(settings.scratch_dir, MATCH).root).exists()


def test_a_match_whose_folder_holds_other_results_is_not_published(settings: Settings) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    reuse_or_compute(files.actions, "actions", {"other": 1}, merged)
    failure = close_match(MATCH, RUN, {"publish": "success"}, settings)
    assert failure and failure.reason == (
        "all tasks ended well, but the match folder does not hold the results: clear publish")


def test_an_output_folder_that_is_away_is_worth_a_retry(settings: Settings) -> None:
    settings.nas_output_path.rename(settings.nas_output_path.with_name("away"))
    with pytest.raises(TouchlineError, match="mount or create it"):
        close_match(MATCH, RUN, {"publish": "success"}, settings)
    assert not lease_is_free(settings)


def test_a_folder_that_cannot_be_written_does_not_keep_the_match_open(settings: Settings) -> None:
    shutil.rmtree(settings.nas_output_path)
    settings.nas_output_path.write_text("a file in its place")
    failure = close_match(MATCH, RUN, {"scan": "failed"}, settings)
    assert failure and failure.reason.startswith("scan failed") and "FAILED.txt could not be written" in failure.reason
    assert lease_is_free(settings)
